"""Neighbour lists on disk: Arrow IPC, ``ids: fixed_size_list<int64>[k], cosines: fixed_size_list<float>[k]``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.atomic import atomic_file
from xret.errors import InputError
from xret.indexes.twoway.sides import Neighbours
from xret.mapped import map_table, write_batches

__all__ = ["read_lists", "write_lists"]

_ROWS = 65_536  # of a batch


def write_lists(path: Path, ids: NDArray[np.int64], cosines: NDArray[np.float32]) -> None:
    """Write lists (n, k), atomically; the same lists give the same bytes."""
    k = ids.shape[1]
    schema = pa.schema(
        [
            pa.field("ids", pa.list_(pa.field("item", pa.int64(), False), k), False),
            pa.field("cosines", pa.list_(pa.field("item", pa.float32(), False), k), False),
        ]
    )
    with atomic_file(path) as temporary:
        write_batches(temporary, _batches(ids, cosines, schema), schema)


def _batches(ids: NDArray[np.int64], cosines: NDArray[np.float32], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(ids), _ROWS):
        pieces: list[NDArray[Any]] = [np.ascontiguousarray(each[start : start + _ROWS]) for each in (ids, cosines)]
        columns = [
            pa.FixedSizeListArray.from_arrays(pa.array(piece.reshape(-1)), type=field.type)
            for piece, field in zip(pieces, schema, strict=True)
        ]
        yield pa.record_batch(columns, schema=schema)


def read_lists(path: Path, start: int = 0, stop: int | None = None) -> Neighbours:
    """Lists as they were written, from one row to before another, in memory of our own.

    Raises:
        InputError: missing, damaged, or something else.
    """
    table = map_table(path, remedy="delete it, and search again")
    if table.column_names != ["ids", "cosines"]:
        raise InputError(f"{path}: holds {', '.join(table.column_names)}, wanted ids and cosines; search again")
    table = table.slice(start, None if stop is None else stop - start)
    k = table.schema.field("ids").type.list_size
    ids, cosines = np.empty((table.num_rows, k), np.int64), np.empty((table.num_rows, k), np.float32)
    first = 0
    for batch in table.to_batches():
        last = first + batch.num_rows
        ids[first:last] = batch.column("ids").flatten().to_numpy().reshape(-1, k)
        cosines[first:last] = batch.column("cosines").flatten().to_numpy().reshape(-1, k)
        first = last
    return Neighbours(ids, cosines)
