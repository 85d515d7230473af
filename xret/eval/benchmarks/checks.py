"""What must fit together before numbers mean anything: ids of topics, judgements, documents and runs; labels."""

from __future__ import annotations

import logging

import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import EvalError
from xret.eval.benchmarks.benchmark import Benchmark
from xret.eval.benchmarks.documents import Documents

__all__ = ["check", "check_run", "shown"]

STRAY = 0.05  # share of judged queries without a topic that published sets have (CIRAL: 1 of 114)
log = logging.getLogger("xret")


def check(benchmark: Benchmark, labels: frozenset[int] | None, *, partial: bool) -> Benchmark:
    """The benchmark, if its parts belong together.

    Args:
        benchmark: what was loaded.
        labels: all that its judgements may be; None: anything.
        partial: documents of the judgements that the corpus lacks are only warned of.

    Raises:
        EvalError: says what does not fit, how often, and shows examples.
    """
    name, qrels = benchmark.name, benchmark.qrels
    if qrels is None:
        if benchmark.documents is not None:
            benchmark.documents.survey  # noqa: B018 - reads, checks and counts everything
        return benchmark
    judged = pc.unique(qrels["qid"].combine_chunks())
    strange = _lacking(judged, benchmark.queries["id"])
    if len(strange):
        found = (
            f"{name}: {len(strange):,} of {len(judged):,} queries of the judgements are not among the "
            f"{benchmark.queries.num_rows:,} topics: {shown(strange)}; topics have such as "
            f"{shown(benchmark.queries['id'])}"
        )
        if len(strange) > STRAY * len(judged):
            raise EvalError(f"{found}; give topics and judgements of the same set")
        log.warning("%s; they count as 0, as with trec_eval -c", found)
    _check_labels(name, qrels, labels)
    if benchmark.documents is not None:
        _check_pool(name, benchmark.documents, qrels, partial=partial)
    return benchmark


def check_run(benchmark: Benchmark, run: pa.Table, *, system: str) -> None:
    """Refuse a run of another set.

    Raises:
        EvalError: it has queries that are not among the topics, none that are judged, or no judged document at all.
    """
    asked = pc.unique(run["qid"].cast(pa.string()).combine_chunks())
    strange = _lacking(asked, benchmark.queries["id"])
    if len(strange):
        raise EvalError(
            f"{system}: {len(strange):,} of {len(asked):,} queries of the run are not topics of {benchmark.name}: "
            f"{shown(strange)}; topics have such as {shown(benchmark.queries['id'])}"
        )
    if benchmark.qrels is not None:
        wanted = pc.unique(benchmark.qrels["qid"].combine_chunks())
    else:
        wanted = pa.array([name for name, found in (benchmark.answers or {}).items() if found], pa.string())
    missing = _lacking(wanted, asked)
    if len(missing):
        log.warning("%s: has no results for %d queries, which count as 0: %s", system, len(missing), shown(missing))
    if benchmark.qrels is not None:
        found, pool = pc.unique(run["docid"].cast(pa.string())), benchmark.qrels["docid"]
        if not pc.any(pc.is_in(found, value_set=pool.combine_chunks())).as_py():
            raise EvalError(
                f"{system}: none of its {len(found):,} documents is judged in {benchmark.name}; it has such as "
                f"{shown(found)}, the judgements such as {shown(pool)}; was it made from another collection?"
            )


def shown(ids: pa.Array | pa.ChunkedArray, most: int = 3) -> str:
    """The first few ids in quotes."""
    names = ", ".join(f"'{value}'" for value in ids.slice(0, most).to_pylist())
    return names + (", …" if len(ids) > most else "")


def _check_labels(name: str, qrels: pa.Table, labels: frozenset[int] | None) -> None:
    found = pc.value_counts(qrels["relevance"].combine_chunks()).to_pylist()
    wrong = [each for each in found if labels is not None and each["values"] not in labels]
    if wrong:
        label, count = wrong[0]["values"], sum(each["counts"] for each in wrong)
        row = qrels.slice(pc.index(qrels["relevance"], label).as_py(), 1).to_pylist()[0]
        raise EvalError(
            f"{name}: {count:,} of {qrels.num_rows:,} labels are none of {_set(labels)}: {label} for query "
            f"'{row['qid']}', document '{row['docid']}'; these are not this protocol's judgements, or were renumbered"
        )
    if not pc.any(pc.greater(qrels["relevance"], 0)).as_py():
        raise EvalError(f"{name}: no judgement is above 0, so nothing is relevant; check the qrels")


def _check_pool(name: str, documents: Documents, qrels: pa.Table, *, partial: bool) -> None:
    pool = pc.unique(qrels["docid"].combine_chunks())
    missing = documents.missing(pool)
    if not len(missing):
        return
    found = (
        f"{name}: {len(missing):,} of {len(pool):,} judged documents are not among the "
        f"{documents.survey.rows:,} of {documents.label}: {shown(missing)}"
    )
    if not partial:
        raise EvalError(f"{found}; give the whole collection that was judged (--partial takes it as it is)")
    log.warning("%s; numbers do not compare with published ones", found)


def _lacking(ids: pa.Array, known: pa.ChunkedArray | pa.Array) -> pa.Array:
    values = known.combine_chunks() if isinstance(known, pa.ChunkedArray) else known
    return ids.filter(pc.invert(pc.is_in(ids, value_set=values)))


def _set(labels: frozenset[int] | None) -> str:
    return "{" + ", ".join(map(str, sorted(labels or ()))) + "}"
