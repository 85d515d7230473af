"""Values of a column as plain Python values, numbers with the fewest digits that read back as the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["json_text", "plain_values"]


def json_text(value: Any) -> str:
    """What JSON has no form for, as text: times as in ISO 8601, bytes as UTF-8 or, where they are none, as hex."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.hex()
    return str(value.isoformat() if hasattr(value, "isoformat") else value)


def plain_values(column: pa.ChunkedArray) -> list[Any]:
    """Python values; float32 as the shortest number that is it: 0.9, not 0.8999999761581421."""
    values: list[Any] = column.to_pylist()
    if pa.types.is_float32(column.type):
        return [None if value is None else float(str(np.float32(value))) for value in values]
    return values
