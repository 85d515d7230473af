"""How values are spread: a thin line from the 5th to the 95th of a hundred, a thick one over the middle half."""

from __future__ import annotations

import math

from xret.reports.drawing.canvas import AXIS, canvas, short
from xret.reports.drawing.colours import LINE, MARKERS, series
from xret.reports.plots import Spread, Spreads

__all__ = ["spreads"]


def spreads(plot: Spreads, name: str, *, narrow: bool) -> str:
    """SVG; labels one below the other, so that all have room in any window."""
    n, m = len(plot.labels), max(1, len(plot.series))
    with canvas(plot, name, narrow=narrow, high=46 + n * (9 * m + 8)) as drawing:
        axes = drawing.axes
        for place, one in enumerate(plot.series):
            at = [label + (place - (m - 1) / 2) * 0.75 / m for label in range(n)]
            low, lower, middle, upper, high = _columns(one)
            axes.hlines(at, low, high, colors=series(place), linewidth=1.2)
            axes.hlines(at, lower, upper, colors=series(place), linewidth=5, alpha=0.55)
            axes.plot(middle, at, linestyle="none", marker=MARKERS[place], markersize=5, color=series(place))
        axes.set_yticks(range(n), [short(label, 14 if narrow else 40) for label in plot.labels])
        axes.set_ylim(n - 0.5, -0.5)
        axes.set_xlabel(short(plot.axis, AXIS))
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=LINE)
    return drawing.svg


def _columns(one: Spread) -> list[list[float]]:
    return [[math.nan if there is None else there[column] for there in one.quantiles] for column in range(5)]
