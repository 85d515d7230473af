"""Finding repeated ids among any number of them, in eight bytes each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.corpus.rows import Mask

__all__ = ["SeenIds"]


class SeenIds:
    """The ids met so far, as sorted runs of 64-bit hashes, merged so that each is at least twice its successor.

    Python's string hash is SipHash with a key drawn for each process, so nobody can prepare collisions; by chance one
    of n distinct ids meets another's hash with probability n²/2⁶⁵ (below one in a million for five million ids). The
    reader looks such a hit up in the file before it calls it an error.
    """

    def __init__(self) -> None:
        """None seen yet."""
        self._runs: list[npt.NDArray[np.int64]] = []

    def add(self, ids: pa.StringArray) -> Mask:
        """Remember ids (n,).

        Returns:
            (n,) whether each was there before, in this call or an earlier one.
        """
        keys = np.fromiter(map(hash, ids.to_pylist()), np.int64, len(ids))
        order = np.argsort(keys, kind="stable")  # stable: of equal ones the first in the file counts as the original
        ordered = keys[order]
        seen = np.zeros(len(keys), bool)
        seen[1:] = ordered[1:] == ordered[:-1]
        for run in self._runs:
            places = np.minimum(np.searchsorted(run, ordered), len(run) - 1)
            seen |= run[places] == ordered
        self._remember(ordered)
        repeated = np.empty(len(keys), bool)
        repeated[order] = seen
        return repeated

    def _remember(self, run: npt.NDArray[np.int64]) -> None:
        if not len(run):
            return
        while self._runs and len(self._runs[-1]) < 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        self._runs.append(run)
