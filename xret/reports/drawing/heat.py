"""A heat map: colours in steps that the page gives, and digits where they fit. The page shows the scale."""

from __future__ import annotations

import math
from typing import Any

from xret.reports.drawing.canvas import AXIS, BROAD, NARROW, canvas, short
from xret.reports.drawing.colours import LEVELS, LINE, heat, heat_ink
from xret.reports.plots import Heat

__all__ = ["heat_ends", "heat_map"]

NAMED = 110  # units for the names of rows
LEAST = 24  # of a cell that has room for digits


def heat_map(plot: Heat, name: str, *, narrow: bool) -> str:
    """SVG."""
    rows, columns = len(plot.rows), max(1, len(plot.columns))
    cell = min(44.0, ((NARROW if narrow else BROAD) - (60 if narrow else NAMED)) / columns)
    tall = max(min(cell, 26.0), 13.0 if narrow else 16.0)
    with canvas(
        plot, name, narrow=narrow, high=110 + rows * tall, wide=max(220, 90 + columns * max(cell, 30))
    ) as drawing:
        axes = drawing.axes
        levels = _levels(plot)
        _cells(axes, levels)
        if cell >= LEAST:
            _digits(axes, plot, levels)
        _named(axes, plot, narrow=narrow, cell=cell)
    return drawing.svg


def heat_ends(plot: Heat) -> tuple[float, float]:
    """What the first and the last step of the scale stand for."""
    values = [value for row in plot.values for value in row if math.isfinite(value)] or [0.0]
    low = min(values) if plot.low is None else plot.low
    high = max(values) if plot.high is None else plot.high
    return low, high if high > low else low + 1.0


def _levels(plot: Heat) -> dict[tuple[int, int], int | None]:
    """(row, column) -> step of the scale; None where there is no value."""
    low, high = heat_ends(plot)
    cells = {(row, column): value for row, values in enumerate(plot.values) for column, value in enumerate(values)}
    steps = {place: (value - low) / (high - low) * (LEVELS - 1) for place, value in cells.items()}
    return {
        place: min(max(round(step), 0), LEVELS - 1) if math.isfinite(step) else None for place, step in steps.items()
    }


def _cells(axes: Any, levels: dict[tuple[int, int], int | None]) -> None:
    from matplotlib.collections import PolyCollection

    for there, look in ((True, {"linewidths": 0}), (False, {"hatch": "///", "linewidths": 0, "edgecolors": LINE})):
        mine = {place: level for place, level in levels.items() if (level is not None) == there}
        boxes = [[(c - 0.5, r - 0.5), (c + 0.5, r - 0.5), (c + 0.5, r + 0.5), (c - 0.5, r + 0.5)] for r, c in mine]
        colours = ["none" if level is None else heat(level) for level in mine.values()]
        if boxes:
            axes.add_collection(PolyCollection(boxes, facecolors=colours, **look))


def _digits(axes: Any, plot: Heat, levels: dict[tuple[int, int], int | None]) -> None:
    for (row, column), level in levels.items():
        if level is not None:
            value = plot.values[row][column]
            text = f"{value:.{plot.digits}f}"
            text = text.replace("0.", ".", 1) if text.startswith("0.") else text
            shown = axes.text(column, row, text, ha="center", va="center", fontsize=10, color=heat_ink(level))
            shown.set_in_layout(False)  # it is inside in any case, and hundreds of them take their time


def _named(axes: Any, plot: Heat, *, narrow: bool, cell: float) -> None:
    """Names on the left and above, turned where they have no room."""
    names = [short(one, 12) for one in plot.columns]
    turned = 90 if max(map(len, names), default=0) * 6.5 > cell else 0
    size = 9.5 if cell < 13 else 11
    axes.set_xlim(-0.5, max(len(names), 1) - 0.5)
    axes.set_ylim(len(plot.rows) - 0.5, -0.5)
    axes.set_xticks(range(len(names)), names, fontsize=size, rotation=turned)
    axes.set_yticks(range(len(plot.rows)), [short(one, 14 if narrow else 24) for one in plot.rows], fontsize=size)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel(short(plot.column_axis, AXIS))
    axes.set_ylabel(short(plot.row_axis, AXIS))
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
