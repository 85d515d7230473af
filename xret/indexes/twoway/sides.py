"""One set of vectors as a search sees it, and the neighbours it gives back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xret.indexes.twoway.rows import Rows, Survey, select, survey
from xret.indexes.twoway.topk import TopK

__all__ = ["Neighbours", "Side", "TwoWay", "sample_of"]

_PIECES, _PIECE = 32, 32  # of a sample: so many, of so many rows each


@dataclass(frozen=True)
class Neighbours:
    """The nearest neighbours of n vectors, best first, ties by smaller id.

    Attributes:
        ids: (n, k) int64 row numbers on the other side.
        cosines: (n, k) float32, the cosine summed in float64 and rounded once.
    """

    ids: NDArray[np.int64]
    cosines: NDArray[np.float32]


@dataclass(frozen=True)
class TwoWay:
    """Neighbours of x in y (`forward`) and of y in x (`backward`)."""

    forward: Neighbours
    backward: Neighbours


@dataclass(frozen=True)
class Side:
    """One set of vectors without needless repetitions.

    Of equal rows only the k first can be anyone's neighbour (ties go to the smaller id), and all have the same
    neighbours: the others are set aside, so that thousands of equal vectors cost no more than k.

    Attributes:
        rows: those kept.
        lengths: (kept,) float64.
        kept: (kept,) int64, their numbers.
        first: (n,) int64, for every row the first one equal to it.
        content: hash of all n rows.
    """

    rows: Rows
    lengths: NDArray[np.float64]
    kept: NDArray[np.int64]
    first: NDArray[np.int64]
    content: str

    @classmethod
    def of(cls, rows: Rows, k: int) -> Side:
        """Look at all rows once.

        Raises:
            VectorsError: a row is zero or not finite.
        """
        found: Survey = survey(rows)
        kept = np.flatnonzero(found.rank < k)
        return cls(select(rows, kept), found.lengths[kept], kept, found.first, found.content)

    def neighbours(self, best: TopK, other: Side) -> Neighbours:
        """The lists of all rows, by numbers of all rows, from those of the rows kept."""
        if len(self.kept) == len(self.first) and len(other.kept) == len(other.first):
            return Neighbours(best.ids, best.values)
        place = np.searchsorted(self.kept, self.first)
        return Neighbours(other.kept[best.ids[place]], best.values[place])


def sample_of(*sides: Side) -> NDArray[np.float32]:
    """(s, d) unit vectors from all over some sides, as many of each; the same for the same sides."""
    parts = []
    for side in sides:
        last = max(0, side.rows.rows - _PIECE)
        for start in np.unique(np.linspace(0, last, _PIECES).astype(np.int64)).tolist():
            stop = min(start + _PIECE, side.rows.rows)
            parts.append(side.rows.block(start, stop) / side.lengths[start:stop, None])
    return np.concatenate(parts).astype(np.float32)
