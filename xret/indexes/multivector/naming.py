"""Between row numbers and names: hits as a run, passages of documents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.corpus import gather
from xret.errors import UsageError
from xret.indexes.dense.rows import shown_columns
from xret.indexes.multivector.asking import Found
from xret.indexes.multivector.opened import MultiVectorIndex

__all__ = ["document_groups", "run_of"]

Ints = npt.NDArray[np.int64]


def run_of(index: MultiVectorIndex, queries: pa.Table, found: Sequence[Found], *, text: bool) -> pa.Table:
    """Hits as a run, not in order: `qid, docid, score, rank, qlang, dlang` and, where wanted and kept, `title` and
    `text`."""
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
    shown = shown_columns(index.table, text=text and index.manifest.text)
    return pa.table({**columns, **{name: gather(index.table[name], rows) for name in shown}})


def document_groups(index: MultiVectorIndex) -> tuple[Ints, list[str]]:
    """(rows,) a number for the document of each passage (its `doc_id`, or itself where it has none), and their names.

    Raises:
        UsageError: the index was built without `doc_id`.
    """
    if "doc_id" not in index.table.column_names:
        raise UsageError(
            f"{index.folder}: keeps no doc_id, so its rows are documents; leave out the joining of passages"
        )
    given = index.table["doc_id"]
    given = pc.if_else(pc.equal(given, ""), None, given)
    names = pc.coalesce(given, index.table["id"]).combine_chunks().dictionary_encode()
    return names.indices.to_numpy().astype(np.int64), names.dictionary.to_pylist()
