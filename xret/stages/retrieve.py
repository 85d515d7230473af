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
from xret.indexes.kinds import index_kind, verbs
from xret.stages.stage import Stage
from xret.vectors import Vectors

__all__ = ["Retrieve", "retrieve"]

logger = logging.getLogger("xret")


@dataclass(frozen=True, kw_only=True)
class Retrieve(Stage):
    """Finds the best `k` documents for every query.

    Output: a run `qid, docid, score, rank, tag, qlang, dlang` (and `text`), queries in their own order. Dense indexes
    are asked with query vectors, others with the queries' texts; a run of candidates, from whatever search, has others
    score its documents alone.

    Attributes:
        k: documents per query.
        languages: only documents of these languages (``zh`` takes in ``zh-Hant``).
        nprobe: dense: inverted lists to look into; None: what was measured when the index was built.
        exact: multivector: score all documents.
        probe: multivector: centroids that each token of a query looks into; None: by `k`.
        depth: multivector: documents that are scored exactly; None: by `k`.
        passages: multivector: rows are passages; rank their documents (`doc_id`) by the best one.
        encoder: multivector: for the queries; None for the one that made the index. No part of the result: the index
            refuses another one.
        device: for encoding. No part of the result.
        text: add the documents' texts.
        tag: the run's name.
        threads: CPU threads; None for all cores. No part of the result.
    """

    name = "retrieve"
    inputs = ("queries", "query_vectors?", "index", "candidates?")
    output = "run"
    apart = ("encoder", "device", "threads")

    k: int = 100
    languages: tuple[str, ...] | None = None
    nprobe: int | None = None
    exact: bool = False
    probe: int | None = None
    depth: int | None = None
    passages: bool = False
    encoder: str | None = None
    device: str = "auto"
    text: bool = False
    tag: str = "xret"
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        if self.k < 1:
            raise UsageError(f"k is {self.k}; ask for at least 1 hit")

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The run of a table of queries, their vectors, an index folder and perhaps candidates."""
        queries, query_vectors, index, *rest = values
        candidates = rest[0] if rest else None
        kind = index_kind(index)
        if kind != "dense":
            return self._tagged(self._asked(kind, index, queries, candidates))
        if query_vectors is None or candidates is not None:
            raise UsageError(
                f"{index}: is a dense index, which is asked with query vectors and takes no candidates; put the stage "
                "'encode' before it, or 'rerank' after it"
            )
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
        return self._tagged(run)

    def _asked(self, kind: str, folder: Any, queries: pa.Table, candidates: pa.Table | None) -> pa.Table:
        module = verbs(kind)
        own: dict[str, Any] = {}
        if kind == "multivector":
            own = {"exact": self.exact, "probe": self.probe, "depth": self.depth, "documents": self.passages}
            own |= {"encoder": self.encoder, "device": self.device}
        return module.search(
            module.open_index(Path(folder)), queries, k=self.k, languages=self.languages, candidates=candidates,
            text=self.text, threads=self.threads, **own,
        )  # fmt: skip

    def _tagged(self, run: pa.Table) -> pa.Table:
        return run.add_column(4, "tag", pa.array([self.tag] * run.num_rows, pa.string()))


def retrieve(
    index: DenseIndex,
    queries: pa.Table,
    vectors: Vectors,
    *,
    k: int,
    languages: Sequence[str] | None = None,
    docids: Sequence[str] | None = None,
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
        docids: only these documents.
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
    hits = search_index(index, vectors, k=k, languages=languages, docids=docids, nprobe=nprobe, threads=threads)
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
