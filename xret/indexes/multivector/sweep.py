"""Candidates: documents by what the centroids alone say of their tokens.

For every token of a query, the lists of the nearest centroids are read. A document found there counts what its best
centroid has over the first one that was not looked into (what a document that was not found can have at most), summed
over the query's tokens (after the imputation of Scheerer et al. 2025, WARP). The few best are scored exactly.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xret.errors import InputError
from xret.indexes.multivector.postings import DOCUMENTS, spans
from xret.indexes.multivector.segments import Segment

__all__ = ["Probes", "candidates", "probes"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
TOKENS = 64  # of a query taken together: the places to look up documents in take 4 bytes * TOKENS * DOCUMENTS
_own = threading.local()


@dataclass(frozen=True, eq=False)
class Probes:
    """The lists that a query looks into.

    Attributes:
        cells: (tokens, probe) centroids, the best first.
        gain: (tokens, probe) what a document in that list has over one in none.
    """

    cells: Ints
    gain: Floats


def probes(scores: Floats, probe: int) -> Probes:
    """The best `probe` centroids of every token.

    Args:
        scores: (tokens, centroids).
        probe: how many, at most all.
    """
    many = scores.shape[1]
    probe = min(probe, many)
    wanted = min(probe + 1, many)
    cells, values = _largest(scores, wanted)
    missed = values[:, probe] if many > probe else values[:, -1] - np.float32(1e-3)
    return Probes(cells[:, :probe], values[:, :probe] - missed[:, None])


def candidates(
    segment: Segment, look: Probes, *, depth: int, kept: npt.NDArray[np.bool_] | None
) -> tuple[Ints, Floats]:
    """The `depth` most promising documents of a part, unordered.

    Args:
        segment: the part.
        look: what to look into.
        depth: how many documents at most.
        kept: (rows,) which documents may be found; None for all.

    Returns:
        Their places in the part, and what they counted.
    """
    total = np.zeros(segment.rows)
    for start in range(0, len(look.cells), TOKENS):
        total += _counted(segment, look.cells[start : start + TOKENS], look.gain[start : start + TOKENS], kept)
    found = np.flatnonzero(total > 0)
    if len(found) > depth:
        cut = np.argpartition(-total[found], depth - 1)[:depth]
        found = np.sort(found[cut])
    return found, total[found].astype(np.float32)


def _counted(
    segment: Segment, cells: Ints, gain: Floats, kept: npt.NDArray[np.bool_] | None
) -> npt.NDArray[np.float64]:
    """(rows,) sums over tokens of what each document's best list has."""
    probe = cells.shape[1]
    flat = cells.ravel()
    lengths = segment.lists[flat + 1] - segment.lists[flat]
    places = segment.postings[spans(segment.lists[flat], lengths)].astype(np.int64)
    if len(places) and places.max() >= segment.rows:
        raise InputError(
            f"the postings of the part that begins at row {segment.start:,} name rows beyond it: the index is damaged; "
            "run xret index check, and build it again"
        )
    list_of = np.repeat(np.arange(len(flat), dtype=np.int32), lengths)
    if kept is not None:
        real = kept[places]
        places, list_of = places[real], list_of[real]
    key = (list_of // np.int32(probe)) * np.int64(DOCUMENTS) + places
    last = _board()
    last[key[::-1]] = list_of[::-1]  # of equal keys the one written last stays: the best list
    first = last[key] == list_of
    weights = gain.ravel()[list_of[first]].astype(np.float64)
    return np.asarray(np.bincount(places[first], weights=weights, minlength=segment.rows), np.float64)


def _board() -> npt.NDArray[np.int32]:
    """Places to write to, of this thread; what they hold from before is never read."""
    board: npt.NDArray[np.int32] | None = getattr(_own, "board", None)
    if board is None:
        board = _own.board = np.empty(TOKENS * DOCUMENTS, np.int32)
    return board


def _largest(scores: Floats, wanted: int) -> tuple[Ints, Floats]:
    """(tokens, wanted) columns of the largest values of each row, descending; of equal values the first column."""
    tokens, many = scores.shape
    group = 64
    if many < 8 * group * 2 or wanted * group > many:
        order = np.argsort(-scores, axis=1, kind="stable")[:, :wanted]
        return order, np.take_along_axis(scores, order, 1)
    # At least `wanted` values reach the least of the `wanted` largest maxima of groups: only these need sorting.
    whole = many // group * group
    maxima = scores[:, :whole].reshape(tokens, -1, group).max(axis=2)
    least = np.partition(maxima, maxima.shape[1] - wanted, axis=1)[:, maxima.shape[1] - wanted]
    row, column = np.divmod(np.flatnonzero(scores >= least[:, None]), many)
    order = np.lexsort((column, -scores[row, column], row))
    starts = np.searchsorted(row, np.arange(tokens))
    cells = column[order[(starts[:, None] + np.arange(wanted))]]
    return cells, np.take_along_axis(scores, cells, 1)
