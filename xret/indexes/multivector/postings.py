"""Postings: for every centroid, the documents of a part that have a token nearest to it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["DOCUMENTS", "postings_of", "spans"]

DOCUMENTS = 1 << 16  # of a part, at most: a posting is a uint16
Ints = npt.NDArray[np.int64]


def postings_of(
    cells: npt.NDArray[np.unsignedinteger], counts: Ints, centroids: int
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint16]]:
    """Lists in one array (compressed sparse rows).

    Args:
        cells: (tokens,) the centroid of each.
        counts: (n,) tokens of each document, n at most `DOCUMENTS`.
        centroids: how many there are.

    Returns:
        (centroids + 1,) where each list begins, and the lists: ascending documents, each once in a list.
    """
    owner = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    pairs = np.unique((cells.astype(np.int64) << 16) | owner)
    lists = np.searchsorted(pairs >> 16, np.arange(centroids + 1))
    return lists.astype(np.uint32), (pairs & (DOCUMENTS - 1)).astype(np.uint16)


def spans(starts: Ints, counts: Ints) -> Ints:
    """The numbers of all spans ``start, start + 1, …`` of given lengths, one span after the other."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    numbers: Ints = np.arange(total, dtype=np.int64) + np.repeat(starts - (ends - counts), counts)
    return numbers
