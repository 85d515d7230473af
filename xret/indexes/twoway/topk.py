"""The running best k of each row, and the filter that finds the few entries of a block that may enter them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["TopK", "hits"]

NOBODY = np.iinfo(np.int64).max  # the id of an empty place: after all others among equals


class TopK:
    """The best `k` of `rows` lists by (value descending, id ascending); empty places hold -inf."""

    def __init__(self, rows: int, k: int) -> None:
        """Start with empty lists."""
        self.values = np.full((rows, k), -np.inf, np.float32)
        self.ids = np.full((rows, k), NOBODY, np.int64)

    def bar(self, start: int, stop: int) -> tuple[NDArray[np.float32], int]:
        """What newcomers of rows `start` to `stop` must reach: the k-th best values so far, and k."""
        return self.values[start:stop, -1], self.values.shape[1]

    def fold(self, own: NDArray[np.int64], ids: NDArray[np.int64], values: NDArray[np.float32]) -> None:
        """Let candidates in: `ids` with exact `values` for the rows `own`; each (row, id) may come only once."""
        good = values >= self.values[own, -1]
        own, ids, values = own[good], ids[good], values[good]
        if not len(own):
            return
        touched = np.unique(own)
        k = self.values.shape[1]
        owner = np.concatenate([np.repeat(touched, k), own])
        value = np.concatenate([self.values[touched].ravel(), values])
        identity = np.concatenate([self.ids[touched].ravel(), ids])
        order = np.lexsort((identity, -value, owner))
        owner = owner[order]
        opens = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
        best = order[(opens[:, None] + np.arange(k)).ravel()]  # each touched row has k old entries, so k exist
        self.values[touched] = value[best].reshape(-1, k)
        self.ids[touched] = identity[best].reshape(-1, k)


Entries = tuple[NDArray[np.int64], NDArray[np.int64]]  # owner and entry of each


def hits(
    scores: NDArray[np.float32],
    real: int,
    worst: NDArray[np.float32],
    k: int,
    error: float | NDArray[np.float32],
    exact: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]],
) -> Entries:
    """The entries of a block that may enter the list of their owner: all that do, and few others.

    The entries of an owner are taken in classes (number modulo the number of classes): the maxima of classes come from
    long vector operations, neighbouring entries, often alike, lie in different classes, and only classes whose maximum
    reaches the cutoff are looked into.

    Args:
        scores: (owners, depth, classes) approximate cosines; padding is -inf. Entry number = level * classes + class.
        real: how many entries of each owner are no padding.
        worst: (owners,) the k-th best exact cosine so far, -inf while there are fewer than k.
        k: length of the lists.
        error: bound on the error of a score, one for all or one for each owner.
        exact: the exact cosines of pairs of owner and entry.

    Returns:
        Owner and entry of each hit, int64.
    """
    best = scores.max(axis=1)
    cutoff = _cutoff(scores, best, worst, k, np.broadcast_to(np.asarray(error, np.float32), worst.shape), exact)
    owner, lane = _where(best >= cutoff[:, None])
    hit, level = _where(scores[owner, :, lane] >= cutoff[owner][:, None])
    own, entry = owner[hit], level * scores.shape[2] + lane[hit]
    kept = entry < real
    return own[kept], entry[kept]


def _cutoff(
    scores: NDArray[np.float32],
    best: NDArray[np.float32],
    worst: NDArray[np.float32],
    k: int,
    error: NDArray[np.float32],
    exact: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """The score below which an entry cannot enter its list.

    An entry's exact value is at most its score plus the error, so it must reach `worst` less the error. Where k maxima
    of classes promise better, their exact values are taken: k entries of this very block reach the least of them, so an
    entry must reach that less the error. Without this, similarities that rise from block to block would all be hits.
    """
    cutoff: NDArray[np.float32] = worst - error
    classes = best.shape[1]
    if classes < k:
        return cutoff
    lanes = np.argpartition(best, classes - k, axis=1)[:, classes - k :]
    kth = np.take_along_axis(best, lanes, axis=1).min(axis=1)
    rising = np.flatnonzero((kth > worst) & np.isfinite(kth))
    if len(rising):
        owner, lane = np.repeat(rising, k), lanes[rising].ravel()
        entry = scores[owner, :, lane].argmax(axis=1) * classes + lane
        least = exact(owner, entry).reshape(-1, k).min(axis=1)
        cutoff[rising] = np.maximum(cutoff[rising], least - error[rising])
    return cutoff


def _where(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`np.nonzero` of a matrix, several times faster when little is set."""
    row, column = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return row, column
