"""The costs of beads within a band, row by row; what several of them share is computed once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xret.align.costs import Distances
from xret.align.prices import Prices

__all__ = ["Sheet"]


class Sheet:
    """Costs of the beads that a path within a band may use, asked for by ascending rows."""

    def __init__(
        self, distances: Distances, prices: Prices, start: NDArray[np.int64], stop: NDArray[np.int64], sizes: int
    ) -> None:
        """Nothing is computed yet.

        Args:
            distances: of the two documents.
            prices: constants of the cost.
            start: (n + 1,) the first column of the band in each row, never falling.
            stop: (n + 1,) the one after the last, never falling.
            sizes: segments that a block may have.
        """
        self.distances, self.prices, self.sizes = distances, prices, sizes
        # One column and one row more than the band: a bead is compared with its parts, which begin one further on.
        before, after = np.arange(len(start)) - 1, np.arange(len(start)) + 1
        self.first = start[np.maximum(before, 0)]
        self.last = np.minimum(stop[np.minimum(after, len(stop) - 1)] + 1, distances.tgt.segments)
        self.kept: dict[int, dict[tuple[int, int], NDArray[np.float64]]] = {}

    def costs(self, size: int, place: int, other: int, start: int, stop: int) -> NDArray[np.float64]:
        """What source block `place` of `size` segments costs with target blocks `start` to `stop` of `other`.

        Returns:
            (stop - start,) float64.
        """
        near, prices = self._near(size, place, other, start, stop), self.prices
        total = near
        if prices.length:
            total = total + prices.length * self.distances.lengths(size, place, other, start, stop)
        if size == other == 1:
            return total
        if prices.gain:
            total = total + prices.gain * np.maximum(
                near + prices.edge - self._parts(size, place, other, start, stop), 0
            )
        return size * other * total + prices.join * (size + other - 2)

    def _parts(self, size: int, place: int, other: int, start: int, stop: int) -> NDArray[np.float64]:
        """near of the best pair that lacks the first or the last segment of one side."""
        parts = []
        if other > 1:
            parts += [self._near(size, place, other - 1, start + shift, stop + shift) for shift in (0, 1)]
        if size > 1:
            parts += [self._near(size - 1, place + shift, other, start, stop) for shift in (0, 1)]
        return np.asarray(np.min(parts, axis=0))

    def _near(self, size: int, place: int, other: int, start: int, stop: int) -> NDArray[np.float64]:
        found = self.kept.get(place)
        if found is None:
            self.kept.pop(place - 2 * self.sizes, None)
            found = self.kept[place] = {}
        first = int(self.first[place])
        if (size, other) not in found:
            last = min(int(self.last[place]), len(self.distances.tgt.sizes[other - 1]))
            found[size, other] = self.distances.near(size, place, other, first, last)
        return found[size, other][start - first : stop - first]
