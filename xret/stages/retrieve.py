"""Retrieval: queries and their vectors against an index, to a run."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.corpus import gather
from xret.errors import MismatchError, UsageError
from xret.indexes.dense.opened import DenseIndex, open_index
from xret.indexes.dense.search import search_index
from xret.indexes.factory import parse_factory
from xret.stages.stage import Stage
from xret.vectors import Vectors

__all__ = ["Retrieve", "retrieve"]

logger = logging.getLogger("xret")


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
    apart = ("threads",)

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

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The run of a table of queries, their vectors and an index folder."""
        queries, query_vectors, index = values
        return self.over(open_index(index), queries, Vectors.open(query_vectors))

    def over(self, index: DenseIndex, queries: pa.Table, vectors: Vectors) -> pa.Table:
        """The run over an index that is open already."""
        run = retrieve(
            index,
            queries,
            vectors,
            k=self.k,
            languages=self.languages,
            nprobe=self.nprobe,
            text=self.text,
            threads=self.threads,
        )
        return run.add_column(4, "tag", pa.array([self.tag] * run.num_rows, pa.string()))


def retrieve(
    index: DenseIndex,
    queries: pa.Table,
    vectors: Vectors,
    *,
    k: int,
    languages: Sequence[str] | None = None,
    nprobe: int | None = None,
    text: bool = False,
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
        text: add the documents' texts, if the index keeps them.
        threads: CPU threads.

    Returns:
        `qid, docid, score: float64, rank: int32, qlang, dlang` and, where wanted and kept, `text`.

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
    most = hits.rows.shape[1]
    logger.info("search: %s queries, up to %s hits each, %s", f"{queries.num_rows:,}", f"{most:,}", _how(index, nprobe))
    query, place = np.nonzero(hits.rows >= 0)
    found = hits.rows[query, place]
    columns = {
        "qid": gather(queries["id"], query),
        "docid": gather(index.table["id"], found),
        "score": pa.array(hits.scores[query, place].astype(np.float64)),
        "rank": pa.array((place + 1).astype(np.int32)),
        "qlang": gather(queries["lang"], query),
        "dlang": gather(index.table["lang"], found),
    }
    if text and index.manifest.text:
        columns["text"] = gather(index.table["text"], found)
    return pa.table(columns)


def _how(index: DenseIndex, nprobe: int | None) -> str:
    """An index in words: ``index 'IVF64,Flat' of 9,000 rows, 8 of 64 lists looked into (as measured)``."""
    made = index.manifest
    lists = parse_factory(made.factory, dim=made.dim).lists
    why = "asked for" if nprobe else "as measured"
    probes = f", {nprobe or made.probes or 1} of {lists:,} lists looked into ({why})" if lists else ""
    return f"index '{made.factory}' of {made.rows:,} rows{probes}"
