"""Vectors on their way into an index: of length 1, or refused."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from xret.errors import VectorsError
from xret.vectors import Vectors

__all__ = ["TOLERANCE", "sound_rows", "unit_rows"]

TOLERANCE = 1e-2  # of a length that should be 1: float16 rounding is some 1e-4, a flipped bit is seldom so small
Floats = npt.NDArray[np.float32]


def unit_rows(rows: Floats) -> Floats:
    """(n, d) rows brought to length 1 where they are not (float16 stores are off by some 1e-4); zeros stay zeros."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    off = (np.abs(lengths - 1) > 1e-6) & (lengths > 0)
    return np.where(off, rows / np.where(off, lengths, 1), rows) if off.any() else rows


def sound_rows(vectors: Vectors, start: int, stop: int) -> Floats:
    """Rows `start` to `stop` of what is indexed, brought to length 1.

    Raises:
        VectorsError: a row is zero, NaN or infinite, or not of length 1 though the manifest says that all are.
    """
    block = vectors.block(start, stop)
    lengths = np.linalg.norm(block, axis=1)
    wrong = ~(lengths > 0)
    if vectors.manifest.get("normalized") is True:
        wrong |= ~(np.abs(lengths - 1) <= TOLERANCE)
    if wrong.any():
        place = int(np.argmax(wrong))
        wanted = "1, as its manifest says" if lengths[place] > 0 else "more"
        raise VectorsError(
            f"{vectors.source}: the vector of id '{vectors.ids()[start + place]}' (row {start + place}) has length "
            f"{lengths[place]:.4g}, wanted {wanted}; make the vectors again"
        )
    return unit_rows(block)
