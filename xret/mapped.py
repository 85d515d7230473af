"""Arrow IPC files, which can be memory-mapped: written and opened."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from xret.errors import InputError

__all__ = ["map_table", "write_batches"]


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
