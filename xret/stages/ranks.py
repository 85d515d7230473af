"""At which place among its neighbours a sentence has the other one of a pair."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.stages.margin import Lists

__all__ = ["neighbour_ranks"]


def neighbour_ranks(lists: Lists, own: NDArray[np.int64], other: NDArray[np.int64]) -> pa.Array:
    """Ranks by cosine.

    Args:
        lists: the neighbours (n, k) of one side, best first.
        own: (p,) rows of that side.
        other: (p,) rows of the other side.

    Returns:
        (p,) int32: 1 where `other` is the nearest neighbour of `own`, 2 where it is the second …; null where it is not
        among the k.
    """
    rank = np.zeros(len(own), np.int32)
    for place in reversed(range(lists.ids.shape[1])):  # a column at a time: p numbers at once, not p * k
        rank[(lists.ids[own, place] == other) & lists.valid[own, place]] = place + 1
    return pa.array(rank, pa.int32(), mask=rank == 0)
