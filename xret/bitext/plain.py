"""Values of a column as plain Python values, numbers with the fewest digits that read back as the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["plain_values"]


def plain_values(column: pa.ChunkedArray) -> list[Any]:
    """Python values; float32 as the shortest number that is it: 0.9, not 0.8999999761581421."""
    values: list[Any] = column.to_pylist()
    if pa.types.is_float32(column.type):
        return [None if value is None else float(str(np.float32(value))) for value in values]
    return values
