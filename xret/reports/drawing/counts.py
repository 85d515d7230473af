"""A histogram, its series piled up; told apart by hatching as well as by colour."""

from __future__ import annotations

import numpy as np

from xret.reports.drawing.canvas import AXIS, canvas, short
from xret.reports.drawing.colours import INK, LINE, PAGE, series
from xret.reports.plots import Counts

__all__ = ["HATCHES", "counts"]

HATCHES = ("", "////", "....", "\\\\\\\\")


def counts(plot: Counts, name: str, *, narrow: bool) -> str:
    """SVG."""
    with canvas(plot, name, narrow=narrow, high=250 if narrow else 300) as drawing:
        axes = drawing.axes
        edges = np.array(plot.edges)
        below = np.zeros(max(0, len(edges) - 1))
        for place, one in enumerate(plot.series):
            axes.bar(
                edges[:-1], one.values, np.diff(edges), bottom=below, align="edge", facecolor=series(place),
                edgecolor=PAGE, linewidth=0.6, hatch=HATCHES[place % len(HATCHES)],
            )  # fmt: skip
            below = below + np.array(one.values)
        if plot.threshold is not None and len(edges):
            at = min(max(plot.threshold, edges[0]), edges[-1])
            axes.axvline(at, color=INK, linewidth=2, linestyle=(0, (5, 2)))
        axes.set_xlabel(short(plot.axis, AXIS))
        axes.set_ylabel("number")
        axes.grid(axis="y", color=LINE)
    return drawing.svg
