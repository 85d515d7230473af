"""Content hashes of what flows through a pipeline: equal rows give equal hashes, however chunked or stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from xret.artifact import MANIFEST, digest, file_hash
from xret.errors import InputError
from xret.stages.stage import Value

__all__ = ["table_hash", "value_hash"]

WINDOW = 1 << 16  # rows hashed together; part of what the hash means, so never change it without need


def value_hash(value: Value | None) -> str:
    """Content hash (64 hex characters) of a value; of an artifact folder, that of its manifest, which holds checksums.

    Raises:
        InputError: the path does not exist, or is a folder without a manifest.
    """
    if value is None:
        return digest("absent")
    if isinstance(value, Path):
        return _path_hash(value)
    return table_hash(value)


def table_hash(table: pa.Table) -> str:
    """SHA-256 (64 hex characters) over column names, types and values; chunk borders and metadata do not count."""
    state = hashlib.sha256(_schema(table))
    for batch in _windows(table):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_table(batch)
        state.update(sink.getvalue())
    return state.hexdigest()


def _schema(table: pa.Table) -> bytes:
    return digest(table.num_rows, [(field.name, str(field.type)) for field in table.schema]).encode()


def _windows(table: pa.Table) -> Iterator[Any]:
    bare = table.replace_schema_metadata(None)
    fields = [pa.field(field.name, _wide(field.type)) for field in bare.schema]  # without metadata, all nullable
    for start in range(0, table.num_rows, WINDOW):
        columns = [_one_chunk(column.slice(start, WINDOW)) for column in bare.columns]
        yield pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _one_chunk(column: pa.ChunkedArray) -> Any:
    """A slice of a column as one array."""
    chunks = column.cast(_wide(column.type)).chunks
    array = chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)
    # `take` copies into fresh, zero-offset buffers: a slice would keep stray bits of its neighbours in the bitmaps.
    return array.take(pa.array(range(len(array)), pa.int64()))


def _wide(type_: pa.DataType) -> pa.DataType:
    """Strings with 64-bit offsets: the texts of a window may pass the 2 GiB that 32 bits can count."""
    return {pa.string(): pa.large_string(), pa.binary(): pa.large_binary()}.get(type_, type_)


def _path_hash(path: Path) -> str:
    if path.is_file():
        return file_hash(path)
    if not path.is_dir():
        raise InputError(f"{path}: no such file or folder")
    manifest = path / MANIFEST
    if not manifest.is_file():
        raise InputError(
            f"{path}: has no {MANIFEST}, so it is no artifact made by xret (or its writing was interrupted)"
        )
    return digest("folder", file_hash(manifest))
