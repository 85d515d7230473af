"""Made-up documents: vectors of segments whose blocks are the sums of what they hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.align import Blocks

__all__ = ["blocks", "noisy_documents"]


def blocks(single: NDArray[Any], sizes: int, lengths: np.random.Generator | None = None) -> Blocks:
    """Blocks of 1 to `sizes` segments, each the sum of its segments brought to length 1; lengths drawn if wanted."""
    arrays = []
    for size in range(1, sizes + 1):
        rows = max(len(single) - size + 1, 0)
        total = sum((single[at : at + rows] for at in range(size)), np.zeros((rows, single.shape[1])))
        arrays.append((total / np.linalg.norm(total, axis=1, keepdims=True)).astype(np.float32))
    ends = None if lengths is None else np.cumsum([0.0, *lengths.integers(5, 80, len(single))])
    return Blocks(tuple(arrays), ends)


def noisy_documents(
    *, segments: int, seed: int, missing: int, joined: int = 0
) -> tuple[Blocks, Blocks, set[tuple[int, int, int, int]]]:
    """A document, its noisy translation, and which runs of segments belong together.

    `missing` segments are left out of the translation and `joined` times two are one; all share a subject, as in life.
    """
    random = np.random.default_rng(seed)
    single = random.normal(size=(segments, 32)) + 0.8 * random.normal(size=32)
    lengths = random.integers(20, 120, segments).astype(float)
    left_out = set(random.choice(segments, missing, replace=False).tolist())
    free = [row for row in range(segments - 1) if not {row, row + 1} & left_out]
    doubles: set[int] = set()
    for row in random.permutation(free).tolist():
        if len(doubles) < joined and not {row - 1, row, row + 1} & doubles:
            doubles.add(row)
    gold: set[tuple[int, int, int, int]] = set()
    rows: list[NDArray[np.float64]] = []
    sizes: list[float] = []
    row = 0
    while row < segments:
        size = 2 if row in doubles else 1
        if row not in left_out:
            gold.add((row, row + size, len(rows), len(rows) + 1))
            rows.append(single[row : row + size].sum(axis=0) + 0.35 * random.normal(size=32) * size**0.5)
            sizes.append(lengths[row : row + size].sum() * random.uniform(0.85, 1.2))
        row += size
    src, tgt = blocks(single, 3), blocks(np.array(rows), 3)
    ends = (np.cumsum([0.0, *each]) for each in (lengths, sizes))
    return Blocks(src.sizes, next(ends)), Blocks(tgt.sizes, next(ends)), gold
