"""What it costs to set a block of one side against a block of the other.

cost(x, y) = |x| |y| (near(x, y) + w |log(length(y) / (c length(x)))| + g shortfall(x, y)) + p (|x| + |y| - 2)

near(x, y) = 2 (1 - cos(x, y)) / (r(x) + r(y)) is Vecalign's (Thompson & Koehn 2019, D19-1136): r(x) is 1 less the mean
cosine of x to blocks from all over the other side, and |x| the segments in x. It says how far apart two blocks are
against how far x and y are from anything: about 1 for a random pair, in any model and any pair of languages. Of one
segment against one, with no others around, it is 1 - cos(x, y).

Lengths are the oldest evidence there is (Gale & Church 1993, J93-1004): translations are about as long as each other, c
being the usual ratio of lengths in characters. Vectors hardly tell whether a neighbour's half sentence is missing.

A segment belongs to a bead if the blocks are nearer with it than without: shortfall(x, y) = max(0, near(x, y) + e -
near of the best pair that lacks the first or the last segment of x or of y). Without it an untranslated segment is
cheaper to join to its neighbour than to skip. p says that most segments are translated one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from xret.align.beads import Blocks
from xret.align.prices import Prices

__all__ = ["SAMPLE", "Around", "Distances"]

SAMPLE = 100  # blocks that stand for a side
TINY = 1e-6  # keeps the divisor from 0
SAME = 1e-5  # values of vectors that differ by less are the same
PAIRS = 20_000  # 1-1 costs that a skip is measured by
SMALL = 5.0  # characters added to lengths, so that "OK" against "Ja." is no matter
LARGEST = 1.5  # of the logarithm: what differs 4.5 times is no worse than what differs more

Around: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32]]
"""(rows, d) blocks of other documents of the source and of the target side."""


@dataclass(frozen=True)
class Distances:
    """Two documents' blocks with their mean distances to the other side.

    Attributes:
        src: blocks of the source.
        tgt: blocks of the target.
        src_mean: r(x) for each array of `src.sizes`, (rows,) float64.
        tgt_mean: r(y) for each of `tgt.sizes`.
        ratio: usual length of the target for a source of length 1.
    """

    src: Blocks
    tgt: Blocks
    src_mean: tuple[NDArray[np.float64], ...]
    tgt_mean: tuple[NDArray[np.float64], ...]
    ratio: float

    @classmethod
    def of(cls, src: Blocks, tgt: Blocks, *, around: Around | None = None, ratio: float = 1.0) -> Distances:
        """Measure both documents.

        Args:
            src: blocks of the source.
            tgt: blocks of the target.
            around: blocks of other documents. Short ones need them: of three segments set against three, one in three
                is no random one. Where one thing alone is said on each side, nothing tells how far apart random blocks
                are: r is then 1, as of unrelated vectors, and 1 - near is the cosine.
            ratio: usual length of the target for a source of length 1.
        """
        near, far = src.spread(SAMPLE), tgt.spread(SAMPLE)
        if around is not None:
            near = np.concatenate([near, around[0][: max(0, SAMPLE - len(near))]])
            far = np.concatenate([far, around[1][: max(0, SAMPLE - len(far))]])
        if _alike(near) and _alike(far):
            return cls(src, tgt, _ones(src), _ones(tgt), ratio)
        return cls(src, tgt, _mean_distances(src, far), _mean_distances(tgt, near), ratio)

    def near(self, size: int, place: int, other: int, start: int, stop: int) -> NDArray[np.float64]:
        """near(x, y) of source block `place` of `size` segments and target blocks `start` to `stop` of `other`.

        Returns:
            (stop - start,) float64.
        """
        cosine = self.tgt.sizes[other - 1][start:stop] @ self.src.sizes[size - 1][place]
        return _near(cosine, self.src_mean[size - 1][place] + self.tgt_mean[other - 1][start:stop])

    def lengths(self, size: int, place: int, other: int, start: int, stop: int) -> NDArray[np.float64]:
        """How far the lengths of the same blocks are apart: (stop - start,) logarithms; 0 where they are not known."""
        if self.src.ends is None or self.tgt.ends is None:
            return np.zeros(stop - start)
        here = self.src.ends[place + size] - self.src.ends[place]
        return self._apart(here, self.tgt.ends[start + other : stop + other] - self.tgt.ends[start:stop])

    def pair(self, size: int, place: int, other: int, start: int) -> tuple[float, float]:
        """(1 - near(x, y), cosine) of one source block and one target block."""
        cosine = float(self.tgt.sizes[other - 1][start] @ self.src.sizes[size - 1][place])
        return 1.0 - float(self.near(size, place, other, start, start + 1)[0]), cosine

    def skip(self, prices: Prices) -> float:
        """What a segment without counterpart costs: a quantile of 1-1 costs of about `PAIRS` pairs from all over."""
        n, m = self.src.segments, self.tgt.segments
        side = int(PAIRS**0.5)
        rows, columns = _evenly(n, max(side, PAIRS // m)), _evenly(m, max(side, PAIRS // n))
        cosine = self.src.sizes[0][rows] @ self.tgt.sizes[0][columns].T
        costs = _near(cosine, self.src_mean[0][rows][:, None] + self.tgt_mean[0][columns][None, :])
        if prices.length and self.src.ends is not None and self.tgt.ends is not None:
            here, there = np.diff(self.src.ends)[rows][:, None], np.diff(self.tgt.ends)[columns][None, :]
            costs += prices.length * self._apart(here, there)
        return float(np.quantile(costs, prices.skip))

    def _apart(self, src: NDArray[np.float64], tgt: NDArray[np.float64]) -> NDArray[np.float64]:
        half = self.ratio**0.5  # both lengths are moved half the way, so that the sides can be exchanged
        logs: NDArray[np.float64] = np.log((tgt / half + SMALL) / (src * half + SMALL))
        return np.minimum(np.abs(logs), LARGEST)


def _near(cosine: NDArray[np.float32], means: NDArray[np.float64]) -> NDArray[np.float64]:
    values: NDArray[np.float64] = 2.0 * (1.0 - cosine.astype(np.float64)) / (means + TINY)
    return np.maximum(values, 0.0)


def _evenly(rows: int, most: int) -> NDArray[np.int64]:
    """At most `most` of so many rows, evenly spread, ascending."""
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).round().astype(np.int64))


def _alike(rows: NDArray[np.float32]) -> bool:
    """Whether all rows are the same, but for rounding."""
    return bool(np.abs(rows - rows[0]).max() < SAME)


def _ones(blocks: Blocks) -> tuple[NDArray[np.float64], ...]:
    return tuple(np.ones(len(each)) for each in blocks.sizes)


def _mean_distances(blocks: Blocks, others: NDArray[np.float32]) -> tuple[NDArray[np.float64], ...]:
    middle = others.mean(axis=0, dtype=np.float64)
    return tuple(1.0 - each @ middle for each in blocks.sizes)
