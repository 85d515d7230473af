"""A run scored as a protocol has it: depth, labels, queries that count, averages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import EvalError, UsageError
from xret.eval.benchmarks.benchmark import Benchmark
from xret.eval.benchmarks.checks import check_run
from xret.eval.measures import from_level
from xret.eval.measures.answers import score_answers
from xret.eval.protocols import Protocol, Scored
from xret.eval.protocols.scored import PER_QUERY, TOPIC
from xret.eval.scores import RunScores, score_run
from xret.eval.topics import SHARED, known_topics
from xret.runs.order import ordered

__all__ = ["score", "together", "topics"]


def score(benchmark: Benchmark, run: pa.Table, *, system: str, measures: Sequence[str] = ()) -> Scored:
    """Score a run.

    Args:
        benchmark: with judgements or answers.
        run: `qid, docid, score`; more than the protocol's depth is cut off, in trec_eval's order.
        system: what the run is called.
        measures: further ones, after those of the protocol.

    Raises:
        EvalError: the run belongs to another set; the benchmark has nothing to score by, or no documents where texts
            are looked at.
    """
    check_run(benchmark, run, system=system)
    protocol = benchmark.protocol
    kept = _cut(run, protocol.depth)
    names = list(dict.fromkeys([*protocol.measures, *measures]))
    if benchmark.qrels is not None:
        levels = from_level(names, protocol.relevant_from)
        scores = score_run(kept, judged(protocol, benchmark.qrels), levels)
    elif benchmark.answers is not None:
        texts = _texts(benchmark, kept)
        # the papers' recall of answers is a rate of success: one passage with an answer is enough
        spelled = [name.replace("Success@", "R@") for name in names]
        scores = score_answers(kept, texts, benchmark.answers, spelled, queries=benchmark.queries).scores
    else:
        raise EvalError(f"{benchmark.name}: has no judgements, so it cannot be scored; its split keeps them secret")
    return _row(benchmark, RunScores(tuple(names), scores.qids, scores.values), system)


def judged(protocol: Protocol, qrels: pa.Table) -> pa.Table:
    """Judgements with the protocol's gains, of the queries that it counts."""
    if protocol.gains:
        gains = dict(protocol.gains)
        labels = qrels["relevance"].to_pylist()
        if unknown := sorted(set(labels) - gains.keys()):
            raise EvalError(f"label {unknown[0]} has no gain in {protocol.name}; known: {', '.join(map(str, gains))}")
        qrels = qrels.set_column(
            qrels.column_names.index("relevance"), "relevance", pa.array([gains[label] for label in labels], pa.int32())
        )
    if not protocol.drop_empty:
        return qrels
    relevant = qrels.filter(pc.greater_equal(qrels["relevance"], protocol.relevant_from))["qid"].combine_chunks()
    return qrels.filter(pc.is_in(qrels["qid"], value_set=pc.unique(relevant)))


def topics(benchmark: Benchmark) -> tuple[dict[str, str], str]:
    """Query id -> topic, and how that is known: see `known_topics`."""
    qrels = None if benchmark.qrels is None else judged(benchmark.protocol, benchmark.qrels)
    return known_topics(benchmark.queries, qrels)


def together(rows: Mapping[str, Scored], *, system: str) -> Scored:
    """The rows of several collections of one protocol as one: a line a language, the mean over languages as headline.

    Args:
        rows: language -> row; ids of queries, which may be the same numbers in each, become ``LANG:ID``.
        system: what their runs are called together.

    Raises:
        UsageError: no rows, or of different protocols.
    """
    parts = list(rows.values())
    if not parts or len({row.protocol_identity for row in parts}) > 1:
        raise UsageError("wanted rows of one protocol, a language each")
    first = parts[0]
    table = pa.concat_tables([row.by_language.slice(0, row.by_language.num_rows - 2) for row in parts])
    per_query = pa.concat_tables([_named(row, lang) for lang, row in rows.items()])
    split = first.benchmark.rpartition("/")[2]
    return Scored(
        system=system,
        benchmark=f"{first.protocol.name}/{'+'.join(rows)}/{split}",
        protocol=first.protocol,
        measures=_means(table, first.protocol.macro),
        by_language=_with_means(table),
        per_query=per_query,
        hashes={name: _joint(rows, name) for name in first.hashes},
        versions=first.versions,
        topics=first.topics,
    )


def _cut(run: pa.Table, depth: int | None) -> pa.Table:
    kept = ordered(run.select(["qid", "docid", "score"]))
    return kept if depth is None else kept.filter(pc.less_equal(kept["rank"], depth))


def _texts(benchmark: Benchmark, run: pa.Table) -> pa.Table:
    """`id, text` of the documents that a run found, from one reading of the corpus."""
    if benchmark.documents is None:
        raise EvalError(f"{benchmark.name}: answers are looked for in texts, so give the folder with the passages too")
    wanted = pc.unique(run["docid"].cast(pa.string()).combine_chunks())
    kept = [
        batch.filter(pc.is_in(batch["id"], value_set=wanted)).select(["id", "text"]) for batch in benchmark.batches()
    ]
    return pa.Table.from_batches(kept)


def _row(benchmark: Benchmark, scores: RunScores, system: str) -> Scored:
    ids, own = benchmark.queries["id"].to_pylist(), benchmark.queries["lang"].to_pylist()
    langs = {name: benchmark.lang or lang for name, lang in zip(ids, own, strict=True)}
    values = scores.per_query()
    of_query = pa.array([langs[name] for name in values["qid"].to_pylist()], pa.string())
    table = scores.by_language(langs)
    macro = benchmark.protocol.macro
    known, how = topics(benchmark)
    about = pa.array([known.get(name) for name in values["qid"].to_pylist()], pa.string())
    return Scored(
        system=system,
        benchmark=benchmark.name,
        protocol=benchmark.protocol,
        measures=_means(table.slice(0, table.num_rows - 2), macro),
        by_language=table,
        per_query=values.add_column(1, "lang", of_query).append_column(TOPIC, about).cast(PER_QUERY),
        hashes=benchmark.hashes,
        topics=how,
    )


def _means(languages: pa.Table, macro: bool) -> dict[str, float]:
    """The headline means of a table with a row a language."""
    names = [name for name in languages.column_names if name not in ("lang", "queries")]
    weights = np.ones(languages.num_rows) if macro else languages["queries"].to_numpy().astype(np.float64)
    return {name: float(np.average(languages[name].to_numpy(), weights=weights)) for name in names}


def _with_means(languages: pa.Table) -> pa.Table:
    total = int(np.sum(languages["queries"].to_numpy()))
    ends = [{"lang": kind, "queries": total, **_means(languages, kind == "macro")} for kind in ("macro", "micro")]
    return pa.concat_tables([languages, pa.Table.from_pylist(ends, schema=languages.schema)])


def _named(row: Scored, lang: str) -> pa.Table:
    """Values per query, ids and what is made of them with the language; topics of a column are those of all."""
    values = row.per_query
    for name in ("qid", TOPIC) if row.topics == SHARED else ("qid",):
        named = pc.binary_join_element_wise(lang, values[name], ":")
        values = values.set_column(values.column_names.index(name), name, named)
    return values


def _joint(rows: Mapping[str, Scored], name: str) -> str:
    from xret.artifact import digest

    return digest({lang: row.hashes.get(name) for lang, row in rows.items()})
