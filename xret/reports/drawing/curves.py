"""Curves: each with its own marks, the first with the band of its interval."""

from __future__ import annotations

from xret.reports.drawing.canvas import AXIS, canvas, short
from xret.reports.drawing.colours import LINE, MARKERS, SOFT, series
from xret.reports.plots import Curves

__all__ = ["curves"]

FEW = 25  # points that are marked one by one


def curves(plot: Curves, name: str, *, narrow: bool) -> str:
    """SVG."""
    with canvas(plot, name, narrow=narrow, high=300 if narrow else 380) as drawing:
        axes = drawing.axes
        if plot.diagonal:
            axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1.2, linestyle=(0, (4, 4)))
        for place, curve in enumerate(plot.curves):
            if curve.low:
                axes.fill_between(curve.x, curve.low, curve.high, color=series(place), alpha=0.18, linewidth=0)
            every = max(1, -(-len(curve.x) // FEW))
            axes.plot(
                curve.x, curve.y, color=series(place), linewidth=2.4 if place == 0 else 1.4,
                marker=MARKERS[place % len(MARKERS)], markersize=5, markevery=every,
            )  # fmt: skip
        axes.set_xlabel(short(plot.x_axis, AXIS))
        axes.set_ylabel(short(plot.y_axis, AXIS))
        if plot.unit_x:
            axes.set_xlim(-0.02, 1.02)
        if plot.unit_y:
            axes.set_ylim(-0.02, 1.02)
        axes.grid(color=LINE)
    return drawing.svg
