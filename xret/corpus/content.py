"""Small questions to a corpus table: its content hash, the texts of a range of rows."""

from __future__ import annotations

import hashlib
from typing import cast

import numpy as np
import pyarrow as pa

from xret.corpus.rows import CORE

__all__ = ["corpus_hash", "texts"]


def corpus_hash(table: pa.Table) -> str:
    """SHA-256 (64 hex characters) over id, text and lang, row by row in order.

    The same for any chunking, file format, string type, and further columns. A missing `lang` counts as ``und``.
    """
    total = hashlib.sha256(f"xret corpus 1: {table.num_rows} rows".encode())
    for name in CORE:
        lengths, data = hashlib.sha256(), hashlib.sha256()
        for start in range(0, table.num_rows, 65536):
            _feed(_part(table, name, start, 65536), lengths, data)
        total.update(lengths.digest() + data.digest())
    return total.hexdigest()


def texts(table: pa.Table, start: int, stop: int) -> list[str]:
    """The texts of rows start (included) to stop (excluded)."""
    return cast("list[str]", table.column("text").slice(start, max(0, stop - start)).to_pylist())


def _part(table: pa.Table, name: str, start: int, length: int) -> pa.Array:
    if name == "lang" and name not in table.column_names:
        return pa.array(["und"] * min(length, table.num_rows - start))
    chunks = table.column(name).slice(start, length).cast(pa.large_string()).chunks
    return chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)


def _feed(array: pa.Array, lengths: hashlib._Hash, data: hashlib._Hash) -> None:
    array = array.cast(pa.large_string())
    buffers = array.buffers()
    offsets = np.frombuffer(buffers[1], np.int64, len(array) + 1, offset=8 * array.offset)
    lengths.update(np.diff(offsets).astype("<i8").tobytes())
    if buffers[2] is not None:
        data.update(memoryview(buffers[2])[int(offsets[0]) : int(offsets[-1])])
