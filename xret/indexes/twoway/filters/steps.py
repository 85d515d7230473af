"""Unit vectors in 8 bits: turned, moved to their common middle, and rounded to multiples of one step.

A turned coordinate is close to normal, whatever the encoder's outlier dimensions were, so the steps of all rows can be
one. Where all vectors point mostly one way, the steps need to reach only as far as they differ: with a middle c,
x·y = (x-c)·(y-c) + (c·x - c·c) + c·y. The first term is the product of bytes; the last is added to it by column; and
the one between is written, for each row, in further bytes, which meet constants.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["Operand", "Steps", "bound"]

Floats = NDArray[np.float32]
# Deviations that 127 steps reach. What lies beyond is cut, and counted in the error, where the worst row of a block
# decides for all: a block holds some 10^6 numbers, one of which is likely to lie 5 deviations out.
_REACH = 5.1
# Deviations of the bound's random part: it fails for a pair with probability 2 exp(-36) = 4e-16, and what fails matters
# only for pairs that are somebody's k best, in all or in a block.
_SURE = 8.5
_FLOAT = 1e-5  # rotation and scaling in float32, cutoffs, rounding of the exact value
_COMMON = 0.1  # squared length of the mean from which on moving to it is worth its bytes
_LONG = 0.98  # share of a sample whose distance from the middle the steps reach


@dataclass(frozen=True)
class Operand:
    """A block of rows in steps.

    Attributes:
        codes: (n, d) int8.
        norm: (n,) float32, the length of each row from the middle.
        residual: (n,) float32, the length of what rounding took away from it.
        along: (n,) float32, how much of that lies along the row itself.
        shift: (n,) float32, what a row adds to all its cosines as a column; None without a middle.
        digits: (n, e) int8, what it adds as a row: e - 1 multiples of 127 squares of a step, and one of a single one.
        missed: (n,) float32, what the digits do not hold.
        scale: the square of a step.
    """

    codes: NDArray[np.int8]
    norm: Floats
    residual: Floats
    along: Floats
    shift: Floats | None
    digits: NDArray[np.int8]
    missed: Floats
    scale: float

    def take(self, rows: NDArray[np.int64]) -> Operand:
        """Some of the rows."""
        norm, residual, along = self.norm[rows], self.residual[rows], self.along[rows]
        shift = None if self.shift is None else self.shift[rows]
        return Operand(self.codes[rows], norm, residual, along, shift, self.digits[rows], self.missed[rows], self.scale)

    @cached_property
    def left(self) -> NDArray[np.uint8]:
        """(n, d + e) codes and digits, all + 128: one operand has to be unsigned."""
        codes = np.hstack([self.codes, self.digits]) if self.digits.shape[1] else self.codes
        return codes.view(np.uint8) ^ np.uint8(128)

    @cached_property
    def right(self) -> NDArray[np.int8]:
        """(d + e, n) codes, and what the digits of the other side count."""
        (rows, dim), more = self.codes.shape, self.digits.shape[1]
        codes = np.empty((dim + more, rows), np.int8)
        codes[:dim] = self.codes.T
        if more:
            codes[dim:-1], codes[-1] = 127, 1
        return codes

    @cached_property
    def added(self) -> Floats:
        """(n,) what columns add."""
        return np.zeros(len(self.codes), np.float32) if self.shift is None else self.shift


class Steps:
    """How rows of `dim` values become bytes."""

    def __init__(self, dim: int, sample: Floats | None = None) -> None:
        """Choose the middle and the step.

        Args:
            dim: of the vectors.
            sample: (s, dim) unit vectors from both sides; None, or some with nothing in common: no middle.
        """
        self._dim, self._middle, long, self._digits = dim, None, 1.0, 0
        mean = np.zeros(dim) if sample is None else sample.mean(axis=0, dtype=np.float64)
        if sample is not None and mean @ mean > _COMMON:
            self._middle = mean.astype(np.float32)
            long = max(1e-3, float(np.quantile(np.linalg.norm(sample - self._middle, axis=1), _LONG)))
        self._step = _REACH * long / math.sqrt(dim) / 127
        if sample is not None and self._middle is not None:
            self._square = float(self._middle.astype(np.float64) @ self._middle)
            most = 1.25 * float(np.abs(sample @ self._middle - self._square).max())
            digits = 1 + math.ceil(most / (127 * 127 * self._step**2))
            self._digits = min(-(-(dim + digits) // 4) * 4 - dim, max(4, dim // 4))

    def operand(self, block: Floats, lengths: NDArray[np.float64]) -> Operand:
        """Rows of any length, in steps."""
        unit = block * (1.0 / lengths).astype(np.float32)[:, None]
        shift, digits, missed = self._shifted(unit)
        turned = (unit if self._middle is None else unit - self._middle) @ _rotation(self._dim)
        norm = np.sqrt(np.einsum("nd,nd->n", turned, turned))
        steps = np.rint(turned * np.float32(1 / self._step))
        np.clip(steps, -127, 127, out=steps)
        lost = turned - steps * np.float32(self._step)
        residual = np.sqrt(np.einsum("nd,nd->n", lost, lost))
        along = np.abs(np.einsum("nd,nd->n", lost, turned)) / np.maximum(norm, 1e-12)
        along = np.minimum(along, residual)
        return Operand(steps.astype(np.int8), norm, residual, along, shift, digits, missed, self._step**2)

    def _shifted(self, unit: Floats) -> tuple[Floats | None, NDArray[np.int8], Floats]:
        """What unit vectors add as columns, as rows in digits, and what these miss."""
        rows, more = len(unit), self._digits
        if self._middle is None:
            return None, np.empty((rows, 0), np.int8), np.zeros(rows, np.float32)
        shift = unit @ self._middle
        wanted = shift.astype(np.float64) - self._square
        most = 127 * 127 * (more - 1)
        whole = np.clip(np.rint(wanted / self._step**2), -most, most).astype(np.int64)
        tens = (whole + 63) // 127
        digits = np.empty((rows, more), np.int8)
        digits[:, :-1] = (tens[:, None] + np.arange(more - 1)) // (more - 1)  # their sum is what was divided
        digits[:, -1] = whole - 127 * tens
        return shift, digits, np.abs(wanted - whole * self._step**2).astype(np.float32)


def bound(own: Operand, other: Operand) -> Floats:
    """For each row of `own`, with any of `other`, how far the product may be off, what digits miss aside.

    With the residuals e, f of the turned x, y, as they lie from the middle, the error is x·y - (x-e)·(y-f) =
    e·y + x·f - e·f. By Cauchy and Schwarz that is at most |e||y| + |x||f| + |e||f|. But the rotation was drawn without
    looking at the vectors: given the turned x, and so e, the part of y across x is uniform on a sphere of d-1
    dimensions, and e·y beyond the part along x exceeds s|e||y|/sqrt(d-1) with probability at most 2 exp(-s²/2) (Lévy's
    inequality on the sphere). The smaller of the two bounds counts.
    """
    most, along = float(other.residual.max()), float(other.along.max())
    longest = float(other.norm.max())
    lengths = own.residual * longest + own.norm * most
    likely = own.along * longest + own.norm * along + _SURE * lengths / math.sqrt(max(1, own.codes.shape[1] - 1))
    total: Floats = np.minimum(lengths, likely) + own.residual * most + np.float32(_FLOAT)
    return total


@lru_cache(maxsize=4)
def _rotation(dim: int) -> Floats:
    """A random rotation (Haar measure: Mezzadri 2007), the same for all blocks of `dim` dimensions."""
    matrix, triangle = np.linalg.qr(np.random.default_rng(dim).standard_normal((dim, dim)))
    rotation: Floats = (matrix * np.sign(np.diag(triangle))).astype(np.float32)
    return rotation
