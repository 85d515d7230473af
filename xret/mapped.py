"""Files of Arrow and NumPy that can be memory-mapped, and of Parquet: written and opened."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.atomic import atomic_file
from xret.errors import InputError

__all__ = ["keep_table", "map_array", "map_table", "write_array", "write_batches", "write_evenly"]

CHUNK = 1 << 16  # rows


def map_table(path: Path, *, remedy: str) -> pa.Table:
    """The table in an Arrow IPC file, not read but mapped.

    Args:
        path: the file.
        remedy: what to do about a broken one, for the message.

    Raises:
        InputError: missing, truncated, or something else.
    """
    try:
        with pa.memory_map(str(path)) as source:
            return pa.ipc.open_file(source).read_all()
    except (pa.ArrowException, OSError) as error:
        found = str(error).strip().splitlines()[0].rstrip(".")
        raise InputError(f"{path}: not a readable Arrow file ({found}); {remedy}") from error


def write_batches(path: Path, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
    """Write record batches to an Arrow IPC file; not atomic by itself."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def write_evenly(table: pa.Table, sink: str | IO[bytes], *, parquet: bool) -> None:
    """Write a Parquet or Arrow IPC file in batches of `CHUNK` rows: their bytes show how a table was cut, whatever cut
    it, so this one is cut anew. Not atomic by itself.
    """
    if parquet:
        from pyarrow.parquet import ParquetWriter

    with ParquetWriter(sink, table.schema) if parquet else pa.ipc.new_file(sink, table.schema) as writer:
        for start in range(0, table.num_rows, CHUNK):
            for batch in table.slice(start, CHUNK).combine_chunks().to_batches():
                writer.write_batch(batch)


def keep_table(table: pa.Table, path: Path) -> str:
    """Write a table to a file, atomically, and give its name; the same rows give the same bytes, however cut."""
    table = table.combine_chunks()
    with atomic_file(path) as temporary:
        write_batches(temporary, table.to_batches(), table.schema)
    return str(path)


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array to a ``.npy`` file, atomically."""
    with atomic_file(path) as temporary, open(temporary, "wb") as stream:
        np.save(stream, array, allow_pickle=False)


def map_array(path: Path | str) -> NDArray[Any]:
    """The array in a ``.npy`` file of our own, mapped."""
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array
