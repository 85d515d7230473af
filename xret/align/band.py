"""The cheapest path through a band of the alignment matrix: the dynamic programme itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xret.align.costs import Distances
from xret.align.prices import Prices
from xret.align.sheet import Sheet

__all__ = ["MOST", "Band", "Step", "cheapest_path", "steps_up_to"]

Step = tuple[int, int]
"""Segments of both sides that one bead takes."""
SKIPS: tuple[Step, Step] = ((1, 0), (0, 1))
MOST = 64
"""Segments of both sides together that a bead may have at most: work grows with the square, and so do kinds of beads,
whose numbers are kept as int16."""


def steps_up_to(most: int) -> tuple[Step, ...]:
    """(1, 1), then all steps with at least one segment on each side and at most `most` together, the smaller first."""
    every = ((a, b) for a in range(1, most) for b in range(1, most) if a + b <= most)
    return tuple(sorted(every, key=lambda step: (sum(step), abs(step[0] - step[1]), step)))


@dataclass(frozen=True)
class Band:
    """Where a path may go: in row i, with i source segments behind it, the columns ``start[i]`` up to ``stop[i] - 1``.

    Attributes:
        start: (n + 1,) int64, never falling; the first is 0.
        stop: (n + 1,) int64, never falling, above `start`; the last is m + 1.
    """

    start: NDArray[np.int64]
    stop: NDArray[np.int64]

    @classmethod
    def everything(cls, src: int, tgt: int) -> Band:
        """The whole matrix of n source and m target segments."""
        return cls(np.zeros(src + 1, np.int64), np.full(src + 1, tgt + 1, np.int64))

    @classmethod
    def around(cls, corners: Sequence[Step], width: int) -> Band:
        """Straight lines between corners (i, j), from (0, 0) to (n, m), and `width` places on every side of them.

        A run of skipped segments on both sides has no order of its own: a straight line through it keeps the band as
        narrow as elsewhere, so that its area grows with n + m.
        """
        places = np.asarray(corners, np.int64)
        src, tgt = places[-1].tolist()
        rows, columns = _line(places)
        first, last = np.full(src + 1, tgt, np.int64), np.zeros(src + 1, np.int64)
        np.minimum.at(first, rows, columns)
        np.maximum.at(last, rows, columns)
        near = np.clip(np.arange(src + 1)[:, None] + [-width, width], 0, src)
        start, stop = np.maximum(first[near[:, 0]] - width, 0), np.minimum(last[near[:, 1]] + width, tgt) + 1
        return cls(start, stop)


def cheapest_path(distances: Distances, band: Band, steps: Sequence[Step], prices: Prices) -> list[tuple[int, int]]:
    """The corners of the cheapest path within the band, from (0, 0) to (n, m).

    Work and memory grow with the area of the band. Among equally cheap ways a bead comes before a skipped segment, and
    earlier steps before later ones.

    Args:
        distances: of the two documents.
        band: where to look.
        steps: the beads that may be made, besides skipping one segment of either side.
        prices: constants of the cost.

    Returns:
        (i, j) before the first bead, and after every bead.
    """
    skip, deepest = distances.skip(prices), max(a for a, _ in steps)
    sheet = Sheet(distances, prices, band.start, band.stop, max(max(step) for step in steps))
    totals: list[NDArray[np.float64]] = []
    choices: list[NDArray[np.int16]] = []
    for row in range(len(band.start)):
        total, choice = _row(sheet, band, steps, skip, totals, row)
        totals.append(total)
        choices.append(choice)
        if row >= deepest:
            totals[row - deepest] = np.empty(0)  # nothing reaches back that far any more
    return _back(band, choices, (*SKIPS, *steps))


def _row(
    sheet: Sheet,
    band: Band,
    steps: Sequence[Step],
    skip: float,
    totals: Sequence[NDArray[np.float64]],
    row: int,
) -> tuple[NDArray[np.float64], NDArray[np.int16]]:
    """The cheapest ways to the places of a row, and by which step each is reached."""
    start, stop = int(band.start[row]), int(band.stop[row])
    total, choice = np.full(stop - start, np.inf), np.zeros(stop - start, np.int16)
    if row == 0:
        total[0] = 0.0
    for place, (a, b) in enumerate((*steps, SKIPS[0])):
        if row < a:
            continue
        # Columns that the step leaves from: in the band of the row it leaves, and b before a place of this one.
        first = max(int(band.start[row - a]), start - b, 0)
        last = min(int(band.stop[row - a]), stop - b)
        if first >= last:
            continue
        price: NDArray[np.float64] | float = skip if b == 0 else sheet.costs(a, row - a, b, first, last)
        offered = totals[row - a][first - band.start[row - a] : last - band.start[row - a]] + price
        target = slice(first + b - start, last + b - start)
        better = offered < total[target]
        total[target][better] = offered[better]
        choice[target][better] = 0 if b == 0 else place + len(SKIPS)
    _skip_along(total, choice, skip)
    return total, choice


def _skip_along(total: NDArray[np.float64], choice: NDArray[np.int16], skip: float) -> None:
    """Let each place be reached from the ones before it in its row by skipping target segments; changes both arrays."""
    columns = np.arange(len(total))
    level = total - skip * columns
    lowest = np.minimum.accumulate(level)
    origin = np.maximum.accumulate(np.where(level == lowest, columns, 0))
    skipped = origin != columns
    reached = total[origin[skipped]] + skip * (columns - origin)[skipped]
    total[skipped] = reached
    choice[skipped] = 1


def _back(band: Band, choices: Sequence[NDArray[np.int16]], steps: Sequence[Step]) -> list[tuple[int, int]]:
    row, column = len(choices) - 1, int(band.stop[-1]) - 1
    corners = [(row, column)]
    while row or column:
        a, b = steps[choices[row][column - int(band.start[row])]]
        row, column = row - a, column - b
        corners.append((row, column))
    return corners[::-1]


def _line(corners: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places (rows, columns) on the straight lines between corners, at least one in every row and in every column."""
    length = np.abs(np.diff(corners, axis=0)).sum(axis=1)
    owner = np.repeat(np.arange(len(length)), length + 1)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(length + 1) - length - 1, length + 1)
    share = within / np.maximum(length, 1)[owner]
    places = corners[owner] + share[:, None] * (corners[owner + 1] - corners[owner])
    rounded: NDArray[np.int64] = np.floor(places + 0.5).astype(np.int64)
    return rounded[:, 0], rounded[:, 1]
