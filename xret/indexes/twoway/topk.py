"""The running best k of each row, and the filter that finds the few entries of a block that may enter them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bar", "Entries", "TopK", "hits"]

NOBODY = np.iinfo(np.int64).max  # the id of an empty place: after all others among equals
_WIDE = 64  # candidates of one row in one call, from which on there are other ways to sort
_NAMES = 2**32 - 1  # ids that a key holds are below; the key of an empty place ends in this one
_SIGN = np.uint32(1 << 31)
_LAST = np.uint64(2**64 - 1)
Bar = tuple[NDArray[np.float32], int]  # (owners,) the k-th best exact cosine of each so far, and k
Entries = tuple[NDArray[np.int64], NDArray[np.int64]]  # owner and entry of each


class TopK:
    """The best `k` of `rows` lists by (value descending, id ascending); empty places hold -inf."""

    def __init__(self, rows: int, k: int) -> None:
        """Start with empty lists."""
        self.values = np.full((rows, k), -np.inf, np.float32)
        self.ids = np.full((rows, k), NOBODY, np.int64)
        self._wide_names = False  # whether some id is too large for a key

    def bar(self, start: int, stop: int) -> Bar:
        """What newcomers of rows `start` to `stop` must reach: the k-th best values so far, and k."""
        return self.values[start:stop, -1], self.values.shape[1]

    def put(self, start: int, others: TopK) -> None:
        """Take the lists of rows from `start` on from others."""
        stop = start + len(others.values)
        self.values[start:stop], self.ids[start:stop] = others.values, others.ids

    def fold(
        self, own: NDArray[np.int64], ids: NDArray[np.int64], values: NDArray[np.float32], *, again: bool = False
    ) -> None:
        """Let candidates in: `ids` with exact `values` for the rows `own`.

        Each (row, id) may come only once; with `again`, once in a call, and what is in a list stays there once.
        """
        good = values >= self.values[own, -1]
        if again:
            good[good] = (self.ids[own[good]] != ids[good, None]).all(axis=1)
        own, ids, values = own[good], ids[good], values[good]
        if (own[1:] < own[:-1]).any():
            order = np.argsort(own, kind="stable")
            own, ids, values = own[order], ids[order], values[order]
        if not len(own):
            return
        place, opens = np.arange(len(own)), np.diff(own, prepend=-1) != 0
        turn = place - np.maximum.accumulate(np.where(opens, place, 0))
        if turn.max() >= _WIDE or ids.max() >= _NAMES or self._wide_names:
            self._wide_names |= bool(ids.max() >= _NAMES)
            self._sort_in(own, ids, values)
        else:
            self._merge(own[opens], np.cumsum(opens) - 1, turn, _packed(values, ids))

    def _merge(
        self, touched: NDArray[np.int64], row: NDArray[np.int64], turn: NDArray[np.int64], keys: NDArray[np.uint64]
    ) -> None:
        """Put candidates into the lists of rows `touched`; each has a row of these, and a turn in it."""
        k = self.values.shape[1]
        lists = np.full((len(touched), k + int(turn.max()) + 1), _LAST, np.uint64)
        lists[:, :k] = _packed(self.values[touched], self.ids[touched])
        lists[row, k + turn] = keys
        lists.sort(axis=1)
        self.values[touched], self.ids[touched] = _unpacked(lists[:, :k])

    def _sort_in(self, own: NDArray[np.int64], ids: NDArray[np.int64], values: NDArray[np.float32]) -> None:
        """Put many candidates into the lists of rows `own`, ascending."""
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


def _packed(values: NDArray[np.float32], ids: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A key that is smaller the larger the value is, and, of equal values, the smaller the id."""
    bits = (values + np.float32(0)).view(np.uint32)  # +0 and -0 are one value
    falling = np.where(bits & _SIGN, bits, ~bits & ~_SIGN)
    return (falling.astype(np.uint64) << np.uint64(32)) | ids.astype(np.uint32)


def _unpacked(keys: NDArray[np.uint64]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    falling = (keys >> np.uint64(32)).astype(np.uint32)
    bits = np.where(falling & _SIGN, falling, ~falling & ~_SIGN)
    ids = (keys & np.uint64(_NAMES)).astype(np.int64)
    ids[ids == _NAMES] = NOBODY
    return bits.view(np.float32), ids


def hits(
    scores: NDArray[np.float32],
    real: int,
    worst: NDArray[np.float32],
    k: int,
    error: float | NDArray[np.float32],
    least: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]],
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
        least: for pairs of owner and entry, what their exact cosines reach at least (those themselves, or a bound).

    Returns:
        Owner and entry of each hit, int64.
    """
    best = scores.max(axis=1)
    cutoff = _cutoff(scores, best, worst, k, np.broadcast_to(np.asarray(error, np.float32), worst.shape), least)
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
    least: Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]],
) -> NDArray[np.float32]:
    """The score below which an entry cannot enter its list.

    An entry's exact value is at most its score plus the error, so it must reach `worst` less the error. Where k maxima
    of classes promise better, their own values are taken: k entries of this very block reach the least of them, so an
    entry must reach that less the error. Without this, similarities that rise from block to block would all be hits.
    """
    cutoff: NDArray[np.float32] = worst - error
    rising = np.flatnonzero(np.count_nonzero(best > worst[:, None], axis=1) >= k)
    if len(rising):
        own, classes = best[rising], best.shape[1]
        lanes = np.argpartition(own, classes - k, axis=1)[:, classes - k :]
        owner, lane = np.repeat(rising, k), lanes.ravel()
        entry = scores[owner, :, lane].argmax(axis=1) * classes + lane
        reached = least(owner, entry).reshape(-1, k).min(axis=1)
        cutoff[rising] = np.maximum(cutoff[rising], reached - error[rising])
    return cutoff


def _where(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`np.nonzero` of a matrix, several times faster when little is set."""
    row, column = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return row, column
