"""Any plot as SVG."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xret.reports.drawing.bars import bars
from xret.reports.drawing.counts import counts
from xret.reports.drawing.curves import curves
from xret.reports.drawing.grid import grid
from xret.reports.drawing.heat import heat_map
from xret.reports.drawing.points import points
from xret.reports.drawing.spreads import spreads
from xret.reports.plots import Bars, Counts, Curves, Grid, Heat, Plot, Points, Spreads

__all__ = ["drawn"]

_DRAWERS: dict[type[Plot], Callable[..., str]] = {
    Bars: bars,
    Counts: counts,
    Curves: curves,
    Grid: grid,
    Heat: heat_map,
    Points: points,
    Spreads: spreads,
}


def drawn(plot: Plot, name: str, *, narrow: bool) -> str:
    """The plot as an ``svg`` element; the same bytes for the same plot.

    Args:
        plot: any of plots.py.
        name: before every id in it, so that no two on a page are equal.
        narrow: for a window of a telephone's width.

    Raises:
        MissingExtraError: matplotlib is not there.
    """
    drawer: Any = _DRAWERS[type(plot)]
    return str(drawer(plot, f"{name}-{'n' if narrow else 'b'}", narrow=narrow))
