"""Named points: one property against another."""

from __future__ import annotations

import math

from xret.reports.drawing.canvas import AXIS, canvas, short
from xret.reports.drawing.colours import INK, LINE, MARKERS, SOFT, series
from xret.reports.plots import Points

__all__ = ["beside", "points"]

LETTERS, LETTER = 11, 6.3  # units: height of the names, width of a letter
AWAY = 9  # units: a name further from its point is joined to it


def points(plot: Points, name: str, *, narrow: bool) -> str:
    """SVG; a point without one of the two numbers is left out."""
    groups = plot.names() or ("",)
    with canvas(plot, name, narrow=narrow, high=330 if narrow else 420) as drawing:
        axes = drawing.axes
        there = [point for point in plot.points if math.isfinite(point.x) and math.isfinite(point.y)]
        for place, group in enumerate(groups):
            mine = [point for point in there if point.group == group]
            marker = MARKERS[place % len(MARKERS)]
            axes.plot(
                [p.x for p in mine],
                [p.y for p in mine],
                linestyle="none",
                marker=marker,
                markersize=8,
                color=series(place),
            )
        axes.margins(0.16 if narrow else 0.12, 0.12)
        axes.set_xlabel(short(plot.x_axis, AXIS))
        axes.set_ylabel(short(plot.y_axis, AXIS))
        axes.grid(color=LINE)
        axes.figure.draw_without_rendering()  # from here on, places are final
        names = [short(point.name, 16 if narrow else 30) for point in there]
        at = [tuple(one) for one in axes.transData.transform([(p.x, p.y) for p in there])] if there else []
        both = {"xycoords": "figure pixels", "textcoords": "figure pixels"}
        for label, (px, py), (x, y) in zip(names, at, beside(at, names, axes.bbox.extents), strict=True):
            axes.annotate(label, (px, py), xytext=(x, y), ha="left", va="center", color=INK, fontsize=LETTERS, **both)
            near = min(max(px, x), x + LETTER * len(label)), y + (LETTERS / 2 if y < py else -LETTERS / 2) * (y != py)
            if math.dist(near, (px, py)) > AWAY:
                line = {"arrowstyle": "-", "color": SOFT, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 4}
                axes.annotate("", (px, py), xytext=near, arrowprops=line, **both)
    return drawing.svg


def beside(
    at: list[tuple[float, ...]], names: list[str], box: tuple[float, float, float, float]
) -> list[tuple[float, float]]:
    """Where each name begins so that it covers no point and no name set before: right, left, above or below its point.

    Args:
        at: places of the points.
        names: as many.
        box: left, bottom, right, top of what there is to write on.
    """
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in at]
    found = []
    for (x, y), name in zip(at, names, strict=True):
        wide, tall = LETTER * len(name), LETTERS + 1.0
        middle = min(max(x - wide / 2, box[0]), box[2] - wide)
        places = [(x + 8, y), (x - 8 - wide, y)]
        places += [(left, y + side * shift) for shift in (14, 28, 42) for side in (1, -1) for left in (middle, x + 8)]
        costs = [_covered((left, mid - tall / 2, left + wide, mid + tall / 2), taken, box) for left, mid in places]
        left, mid = places[costs.index(min(costs))]
        taken.append((left, mid - tall / 2, left + wide, mid + tall / 2))
        found.append((left, mid))
    return found


Box = tuple[float, float, float, float]


def _covered(one: Box, taken: list[Box], box: Box) -> float:
    """The area shared with what is taken, and all that is outside of the box."""
    shared = sum(_shared(one, other) for other in taken)
    return shared + (one[2] - one[0]) * (one[3] - one[1]) - _shared(one, box)


def _shared(one: Box, other: Box) -> float:
    wide, tall = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0.0) * max(tall, 0.0)
