"""Arrow IPC files, memory-mapped."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from xret.errors import InputError

__all__ = ["map_table"]


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
