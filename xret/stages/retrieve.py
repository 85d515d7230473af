"""Retrieval: queries and their vectors against an index, to a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.artifact import digest
from xret.errors import MismatchError, UsageError
from xret.indexes.dense.opened import DenseIndex, open_index
from xret.indexes.dense.search import search_index
from xret.stages.stage import Stage
from xret.vectors import Vectors

__all__ = ["Retrieve", "retrieve"]


@dataclass(frozen=True, kw_only=True)
class Retrieve(Stage):
    """Finds the best `k` documents for every query.

    Output: a run `qid, docid, score, rank, tag, qlang, dlang` (and `text`), queries in their own order.

    Attributes:
        k: documents per query.
        languages: only documents of these languages (``zh`` takes in ``zh-Hant``).
        nprobe: inverted lists to look into; None: what was measured when the index was built.
        text: add the documents' texts.
        tag: the run's name.
        threads: CPU threads; None for all cores. No part of the result.
    """

    name = "retrieve"
    inputs = ("queries", "query_vectors", "index")
    output = "run"

    k: int = 100
    languages: tuple[str, ...] | None = None
    nprobe: int | None = None
    text: bool = False
    tag: str = "xret"
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        if self.k < 1:
            raise UsageError(f"k is {self.k}; ask for at least 1 hit")

    def key(self) -> str:
        """By what decides the run."""
        return digest(self.name, self.version, {k: v for k, v in self.options().items() if k != "threads"})

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The run of a table of queries, their vectors and an index folder."""
        queries, query_vectors, index = values
        return self.over(open_index(index), queries, Vectors.open(query_vectors))

    def over(self, index: DenseIndex, queries: pa.Table, vectors: Vectors) -> pa.Table:
        """The run over an index that is open already."""
        run = retrieve(
            index, queries, vectors, k=self.k, languages=self.languages, nprobe=self.nprobe, threads=self.threads
        )
        tag = pa.array([self.tag] * run.num_rows, pa.string())
        return run.add_column(4, "tag", tag) if self.text else run.add_column(4, "tag", tag).drop_columns(_texts(run))


def retrieve(
    index: DenseIndex,
    queries: pa.Table,
    vectors: Vectors,
    *,
    k: int,
    languages: Sequence[str] | None = None,
    nprobe: int | None = None,
    threads: int | None = None,
) -> pa.Table:
    """Search, and name what was found.

    Args:
        index: see `open_index`.
        queries: n rows `id, text, lang`.
        vectors: their n vectors.
        k: documents per query.
        languages: only documents of these languages.
        nprobe: inverted lists to look into.
        threads: CPU threads.

    Returns:
        `qid, docid, score: float64, rank: int32, qlang, dlang` and, if the index keeps them, `text`.

    Raises:
        MismatchError: the vectors are not those of the queries, or of another encoder than the index.
        InputError: the index lacks a language.
    """
    if vectors.rows != queries.num_rows or pc.all(pc.equal(vectors.ids(), queries["id"])).as_py() is False:
        raise MismatchError(
            f"the {vectors.rows:,} query vectors are not those of the {queries.num_rows:,} queries (their ids differ); "
            "encode the queries again"
        )
    hits = search_index(index, vectors, k=k, languages=languages, nprobe=nprobe, threads=threads)
    query, place = np.nonzero(hits.rows >= 0)
    found = index.table.take(pa.array(hits.rows[query, place]))
    asked = queries.take(pa.array(query))
    columns = {
        "qid": asked["id"],
        "docid": found["id"],
        "score": pa.array(hits.scores[query, place].astype(np.float64)),
        "rank": pa.array((place + 1).astype(np.int32)),
        "qlang": asked["lang"],
        "dlang": found["lang"],
    }
    return pa.table(columns | {name: found[name] for name in _texts(found)})


def _texts(table: pa.Table) -> list[str]:
    return ["text"] if "text" in table.column_names else []
