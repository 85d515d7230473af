"""A dense search with names: what was found for queries, as a run."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.corpus import gather
from xret.errors import MismatchError
from xret.indexes.dense.opened import DenseIndex
from xret.indexes.dense.rows import shown_columns
from xret.indexes.dense.search import search_index
from xret.indexes.factory import parse_factory
from xret.vectors import Vectors

__all__ = ["search_run"]

logger = logging.getLogger("xret")


def search_run(
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
        `qid, docid, score: float64, rank: int32, qlang, dlang` and, where wanted and kept, `title` and `text`.

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
    shown = shown_columns(index.table, text=text and index.manifest.text)
    return pa.table({**columns, **{name: gather(index.table[name], found) for name in shown}})


def _how(index: DenseIndex, nprobe: int | None) -> str:
    """An index in words: ``index 'IVF64,Flat' of 9,000 rows, 8 of 64 lists looked into (as measured)``."""
    made = index.manifest
    lists = parse_factory(made.factory, dim=made.dim).lists
    why = "asked for" if nprobe else "as measured"
    probes = f", {nprobe or made.probes or 1} of {lists:,} lists looked into ({why})" if lists else ""
    return f"index '{made.factory}' of {made.rows:,} rows{probes}"
