"""Readers of Parquet and Arrow IPC (file and stream)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xret.corpus.extras import Extras
from xret.corpus.problems import Faults
from xret.corpus.rows import CORE, Rows, core_names
from xret.corpus.sources import Shard, readable
from xret.errors import CorpusError

__all__ = ["is_ipc_file", "parse_arrow", "parse_parquet"]

ROWS = 8192  # of a batch read from Parquet
_END_OF_STREAM = b"\xff\xff\xff\xff\0\0\0\0"  # the four zero bytes of before 2019 look like padding


def parse_parquet(shard: Shard, _: Extras) -> Iterator[Rows]:
    """The rows of a Parquet file, batch by batch."""
    with _sound(shard, "Parquet"), pq.ParquetFile(str(shard.path)) as file:
        names = _names(file.schema_arrow, shard)
        yield from _number(file.iter_batches(batch_size=ROWS), names, shard)


def parse_arrow(shard: Shard, _: Extras) -> Iterator[Rows]:
    """The rows of an Arrow IPC file (memory-mapped) or stream, batch by batch."""
    with _sound(shard, "Arrow"), pa.memory_map(str(shard.path)) as mapped:
        if is_ipc_file(shard):
            file = pa.ipc.open_file(mapped)
            batches: Iterator[pa.RecordBatch] = (file.get_batch(place) for place in range(file.num_record_batches))
            schema = file.schema
        else:
            _check_end(shard)
            batches = stream = pa.ipc.open_stream(mapped)
            schema = stream.schema
        yield from _number(batches, _names(schema, shard), shard)


def is_ipc_file(shard: Shard) -> bool:
    """Whether an Arrow shard is in the file format (random access), not the stream format."""
    with readable(shard.label), open(shard.path, "rb") as stream:
        start = stream.read(8)
    if start.startswith(b"FEA1"):
        raise CorpusError(f"{shard.label}: is Feather version 1; write it anew as version 2 (Arrow IPC) or Parquet")
    return start.startswith(b"ARROW1")


@contextmanager
def _sound(shard: Shard, kind: str) -> Iterator[None]:
    """Turn what Arrow says about a broken file into one line."""
    try:
        with readable(shard.label):
            yield
    except (pa.ArrowException, OSError) as error:
        said = str(error).strip().splitlines()[0].rstrip(".")
        raise CorpusError(
            f"{shard.label}: truncated or broken {kind} file ({said}); fetch or write it again"
        ) from error


def _check_end(shard: Shard) -> None:
    # A stream cut between two batches looks complete to Arrow: only the end marker, which all writers set, tells.
    with open(shard.path, "rb") as stream:
        stream.seek(max(0, shard.path.stat().st_size - 8))
        if not stream.read().endswith(_END_OF_STREAM):
            raise CorpusError(
                f"{shard.label}: truncated or broken Arrow stream (no end marker); fetch or write it again"
            )


def _names(schema: pa.Schema, shard: Shard) -> list[str]:
    names = list(core_names(tuple(schema.names)).values())
    if "text" not in names:
        raise CorpusError(
            f"{shard.label}: no column 'text'; found: {', '.join(schema.names) or 'none'}; rename one of them"
        )
    if len(names) < len(schema.names):
        raise CorpusError(f"{shard.label}: two columns of one name; found: {', '.join(schema.names)}")
    return names


def _number(batches: Iterator[pa.RecordBatch], names: list[str], shard: Shard) -> Iterator[Rows]:
    number = 1
    for batch in batches:
        numbers = np.arange(number, number + batch.num_rows, dtype=np.int64)
        number += batch.num_rows
        rows = Rows(dict(zip(names, batch.columns, strict=True)), numbers, Faults(shard.place))
        for name in names:
            _validate(rows, name)
        for name in names:
            if name in CORE:
                rows.columns[name] = _string(rows.columns[name], name, shard)
        yield rows


def _validate(rows: Rows, name: str) -> None:
    """Look at every offset and character: a broken column would crash the process later, or give wrong text."""
    column = rows.columns[name]
    if name in CORE and column.type in (pa.binary(), pa.large_binary()):
        rows.columns[name] = column = column.view(pa.string() if column.type == pa.binary() else pa.large_string())
    try:
        column.validate(full=True)
        return
    except pa.ArrowInvalid:
        if column.type not in (pa.string(), pa.large_string()):
            raise
    data = column.view(pa.binary() if column.type == pa.string() else pa.large_binary())
    data.validate(full=True)
    bad = np.array([not _is_utf8(value) for value in data.to_pylist()])
    rows.drop(bad, "invalid UTF-8", lambda _: f"column '{name}' is not UTF-8; write it as such")


def _is_utf8(value: bytes | None) -> bool:
    try:
        return value is None or bool(value.decode()) or True
    except UnicodeDecodeError:
        return False


def _string(column: Any, name: str, shard: Shard) -> pa.Array:
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    type_ = column.type
    number = pa.types.is_integer(type_) and name == "id"
    if type_ != pa.null() and not number and type_ not in (pa.string(), pa.large_string(), pa.string_view()):
        raise CorpusError(f"{shard.label}: column '{name}' holds {type_}, wanted string")
    return column.cast(pa.string())
