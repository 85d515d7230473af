"""Between row numbers and names: documents of a run, hits as a run, passages of documents."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.corpus import gather
from xret.errors import InputError, UsageError
from xret.indexes.multivector.asking import Found
from xret.indexes.multivector.opened import MultiVectorIndex

__all__ = ["candidate_rows", "document_groups", "run_of"]

logger = logging.getLogger("xret")
Ints = npt.NDArray[np.int64]


def candidate_rows(index: MultiVectorIndex, queries: pa.Table, run: pa.Table) -> list[Ints]:
    """Per query the rows of its documents in a run; what the index does not hold is left out, and counted."""
    live = index.rows_of(run["docid"].unique().cast(pa.string()))
    place = pc.index_in(run["docid"].cast(pa.string()), value_set=gather(index.table["id"], live))
    query = pc.index_in(run["qid"].cast(pa.string()), value_set=queries["id"].cast(pa.string()))
    place, query = (pc.fill_null(each, -1).to_numpy().astype(np.int64) for each in (place, query))
    asked = query >= 0
    missing = int((place[asked] < 0).sum())
    if asked.any() and missing == asked.sum():
        raise InputError(f"{index.folder}: holds none of the candidates; give a run over the same documents")
    if missing:
        logger.warning("%s: does not hold %s of the candidates; they are left out", index.folder, f"{missing:,}")
    use = asked & (place >= 0)
    order = np.argsort(query[use], kind="stable")
    rows, starts = live[place[use][order]], np.searchsorted(query[use][order], np.arange(queries.num_rows + 1))
    return [rows[start:stop] for start, stop in pairwise(starts)]


def run_of(index: MultiVectorIndex, queries: pa.Table, found: Sequence[Found], *, text: bool) -> pa.Table:
    """Hits as a run, not in order: `qid, docid, score, rank, qlang, dlang` and, where wanted and kept, `text`."""
    query = np.repeat(np.arange(len(found)), [len(each.rows) for each in found])
    rows = np.concatenate([each.rows for each in found]) if found else np.empty(0, np.int64)
    scores = np.concatenate([each.scores for each in found]) if found else np.empty(0, np.float32)
    columns = {
        "qid": gather(queries["id"].cast(pa.string()), query),
        "docid": gather(index.table["id"], rows),
        "score": pa.array(scores.astype(np.float64)),
        "rank": pa.array(np.zeros(len(rows), np.int32)),
        "qlang": gather(queries["lang"].cast(pa.string()), query),
        "dlang": gather(index.table["lang"], rows),
    }
    if text and index.manifest.text:
        columns["text"] = gather(index.table["text"], rows)
    return pa.table(columns)


def document_groups(index: MultiVectorIndex) -> tuple[Ints, list[str]]:
    """(rows,) a number for the document of each passage (its `doc_id`, or itself where it has none), and their names.

    Raises:
        UsageError: the index was built without `doc_id`.
    """
    if "doc_id" not in index.table.column_names:
        raise UsageError(
            f"{index.folder}: keeps no doc_id, so its rows are documents; leave out the joining of passages"
        )
    names = pc.coalesce(index.table["doc_id"], index.table["id"]).combine_chunks().dictionary_encode()
    return names.indices.to_numpy().astype(np.int64), names.dictionary.to_pylist()
