"""Queries that are not independent of one another: translations of one topic go together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Clusters", "Floats", "Ints", "clusters_of"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Clusters:
    """Which cluster each query is in.

    Attributes:
        of: (n,) codes from 0 to `size` - 1.
        size: number of clusters.
    """

    of: Ints
    size: int

    @property
    def counts(self) -> Ints:
        """(size,) number of queries."""
        return np.bincount(self.of, minlength=self.size)

    def sums(self, values: Floats) -> Floats:
        """(size, m) sums of (n, m) values."""
        total = np.zeros((self.size, values.shape[1]))
        np.add.at(total, self.of, values)
        return total

    def where(self, mask: npt.NDArray[np.bool_]) -> Clusters:
        """The clusters of some queries."""
        names, of = np.unique(self.of[mask], return_inverse=True)
        return Clusters(of, len(names))


def clusters_of(topics: Sequence[object]) -> Clusters:
    """Clusters by equal topics, for (n,) topics; None: a query of its own."""
    places: dict[object, int] = {}
    of = [places.setdefault((row,) if topic is None else topic, len(places)) for row, topic in enumerate(topics)]
    return Clusters(np.array(of, np.int64), len(places))
