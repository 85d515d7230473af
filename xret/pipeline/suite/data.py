"""The data of a suite's benchmark: read, restricted to languages, sampled; and the same for all systems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import EvalError
from xret.eval.benchmarks import Benchmark
from xret.eval.benchmarks.documents import documents_of
from xret.pipeline.suite.benchmark import BenchmarkEntry
from xret.pipeline.suite.sentences import Sentences
from xret.pipeline.suite.sources import read_source
from xret.pipeline.suite.vectored import read_sentences

__all__ = ["Data", "read_data"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Data:
    """One benchmark as it is evaluated.

    Attributes:
        name: as the suite calls it.
        label: the same with what was restricted; rows of different labels are not of the same data.
        inputs: what stages read, by name: `corpus`, `queries`, `qrels`; or `sentences`.
        benchmark: what scores runs; None where vectors of sentences are scored.
        sentences: what scores these; None where there are runs.
        k: documents per query that searches find; None: as the suite says.
        fairness: measure that, too.
    """

    name: str
    label: str
    inputs: dict[str, pa.Table]
    benchmark: Benchmark | None = None
    sentences: Sentences | None = None
    k: int | None = None
    fairness: bool = False

    @property
    def retrieval(self) -> Benchmark:
        """What scores runs.

        Raises:
            EvalError: vectors of sentences are scored.
        """
        if self.benchmark is None:
            raise EvalError(f"benchmark '{self.name}' is of parallel sentences, which runs do not answer")
        return self.benchmark


def read_data(entry: BenchmarkEntry, *, cache: Path | None = None) -> Data:
    """Read a benchmark of a suite.

    Args:
        entry: from the suite file.
        cache: a folder for imported corpora.

    Raises:
        EvalError: judgements of queries or documents that are not there, or nothing is left of them.
        InputError: a file that cannot be read.
        UsageError: an option that its loader does not have.
    """
    sentences = read_sentences(entry)
    if sentences is not None:
        sentences.label = _label(entry.name, {"in": entry.query_languages})
        return Data(name=entry.name, label=sentences.label, inputs=dict(sentences.inputs), sentences=sentences)
    found = read_source(entry, cache=cache)
    if found.documents is None or found.corpus is None:
        raise EvalError(f"benchmark '{entry.name}' came without documents; systems need a corpus to search")
    corpus, queries, qrels = found.corpus, found.queries, found.qrels
    said: dict[str, object] = {"queries in": entry.query_languages, "documents in": entry.document_languages}
    if entry.query_languages is not None:
        queries = _spoken(queries, entry.query_languages, f"benchmark '{entry.name}': no queries")
    if entry.document_languages is not None:
        corpus = _spoken(corpus, entry.document_languages, f"benchmark '{entry.name}': no documents")
        qrels = None if qrels is None else _among(qrels, "docid", corpus["id"])
    judged = queries if qrels is None else _among(queries, "id", qrels["qid"])
    if entry.sample is not None and entry.sample < judged.num_rows:
        said |= {"queries": f"{entry.sample} of {judged.num_rows}", "seed": entry.seed}
        queries = _sampled(judged, entry.sample, entry.seed)
    qrels = None if qrels is None else _among(qrels, "qid", queries["id"])
    if queries.num_rows == 0 or (qrels is not None and qrels.num_rows == 0):
        raise EvalError(f"benchmark '{entry.name}': no judged queries are left; check ids and languages")
    label, inputs = _label(entry.name, said), {"corpus": corpus, "queries": queries}
    own = replace(
        found, name=label, queries=queries, qrels=qrels, answers=_answers(found, queries),
        documents=documents_of(corpus, label=f"{entry.name}: corpus"),
    )  # fmt: skip
    return Data(
        name=entry.name, label=label, inputs=inputs if qrels is None else {**inputs, "qrels": qrels}, benchmark=own,
        k=entry.k or found.protocol.depth, fairness=entry.fairness,
    )  # fmt: skip


def _answers(found: Benchmark, queries: pa.Table) -> dict[str, list[str]] | None:
    """Those of the queries that are left."""
    answers = found.answers
    return None if answers is None else {qid: answers[qid] for qid in queries["id"].to_pylist() if qid in answers}


def _spoken(table: pa.Table, languages: Sequence[str], problem: str) -> pa.Table:
    known = set(table["lang"].to_pylist())
    for each in languages:
        if each not in known:
            raise EvalError(f"{problem} in '{each}'; there are {', '.join(sorted(map(str, known)))}")
    return table.filter(pc.is_in(table["lang"], value_set=pa.array(languages, pa.string())))


def _sampled(queries: pa.Table, size: int, seed: int) -> pa.Table:
    """So many queries, in their order: whichever order the file has, the same ones are drawn."""
    ids = queries["id"].to_pylist()
    drawn = np.random.default_rng(seed).choice(len(ids), size, replace=False)
    by_id = np.argsort(np.array(ids, dtype=object), kind="stable")
    return queries.take(pa.array(np.sort(by_id[drawn])))


def _among(table: pa.Table, name: str, ids: pa.ChunkedArray) -> pa.Table:
    """The rows whose value is one of the ids."""
    return table.filter(pc.is_in(table[name].cast(pa.string()), value_set=ids.cast(pa.string()).combine_chunks()))


def _label(name: str, said: dict[str, object]) -> str:
    shown = [
        f"{what} {' '.join(value) if isinstance(value, tuple) else value}"
        for what, value in said.items()
        if value is not None
    ]
    return f"{name} ({', '.join(shown)})" if shown else name
