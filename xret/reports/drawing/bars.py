"""Bars with intervals: upright in a broad window, lying in a narrow one and where names are long."""

from __future__ import annotations

import math
from typing import Any

from xret.reports.drawing.canvas import AXIS, canvas, short
from xret.reports.drawing.colours import INK, LINE, MARKERS, series
from xret.reports.plots import Bars

__all__ = ["bars"]

LONG = 8  # letters of a label that still stands below a bar
MOST = 260  # bars side by side


def bars(plot: Bars, name: str, *, narrow: bool) -> str:
    """SVG."""
    n, m = len(plot.labels), len(plot.series)
    lying = narrow or max(map(len, plot.labels), default=0) > LONG or n * m > MOST
    high = 46 + n * max(16, 7 * m + 7) if lying else 320
    with canvas(plot, name, narrow=narrow, high=high) as drawing:
        axes, step = drawing.axes, 0.8 / max(m, 1)
        for place, one in enumerate(plot.series):
            at = [label + (place - (m - 1) / 2) * step for label in range(n)]
            values = [value if math.isfinite(value) else 0.0 for value in one.values]
            fill = {"color": series(place), "alpha": 0.35, "linewidth": 0}
            mark = {
                "color": series(place),
                "marker": MARKERS[place % len(MARKERS)],
                "linestyle": "none",
                "markersize": 4.5,
            }
            shown = [value if math.isfinite(value) else math.nan for value in one.values]
            if lying:
                axes.barh(at, values, step * 0.9, **fill)
                axes.plot(shown, at, **mark)
            else:
                axes.bar(at, values, step * 0.9, **fill)
                axes.plot(at, shown, **mark)
            if one.low:
                (axes.hlines if lying else axes.vlines)(at, one.low, one.high, colors=INK, linewidth=1.1)
        if plot.reference is not None:
            (axes.axvline if lying else axes.axhline)(plot.reference, color=INK, linewidth=1.4, linestyle=(0, (5, 3)))
        names = [short(label, 14 if narrow else 40) for label in plot.labels]
        _axes(axes, names, lying, short(plot.axis, AXIS))
    return drawing.svg


def _axes(axes: Any, names: list[str], lying: bool, axis: str) -> None:
    if lying:
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlabel(axis)
    else:
        turned = max(map(len, names), default=0) * 7.5 > 860 / max(len(names), 1)
        axes.set_xticks(range(len(names)), names, rotation=90 if turned else 0)
        axes.set_xlim(-0.6, len(names) - 0.4)
        axes.set_ylabel(axis)
    axes.tick_params(axis="y" if lying else "x", length=0)
    axes.grid(axis="x" if lying else "y", color=LINE)
