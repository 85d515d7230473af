"""Systems against systems: colour, mark and number in each cell."""

from __future__ import annotations

from xret.reports.drawing.canvas import BROAD, NARROW, canvas, short
from xret.reports.drawing.colours import BETTER, INK, PAGE, SAME, SOFT, WORSE
from xret.reports.plots import Grid

__all__ = ["grid"]

MARKS = {-1: "▼", 0: "=", 1: "▲"}
FILLS = {-1: WORSE, 0: SAME, 1: BETTER}


def grid(plot: Grid, name: str, *, narrow: bool) -> str:
    """SVG; columns are named by the numbers of the rows."""
    n = max(1, len(plot.systems))
    letters = min(13 if narrow else 30, max(map(len, plot.systems), default=1) + 3)
    cell = min(100.0, ((NARROW if narrow else BROAD) - 7.5 * letters - 20) / n)
    with canvas(plot, name, narrow=narrow, high=30 + n * 36, wide=7.5 * letters + 20 + n * cell) as drawing:
        axes = drawing.axes
        for row, verdicts in enumerate(plot.verdicts):
            for column, verdict in enumerate(verdicts):
                if verdict is None:
                    continue
                box = [column - 0.5, column + 0.5]
                axes.fill_between(box, row - 0.5, row + 0.5, facecolor=FILLS[verdict], edgecolor=PAGE, linewidth=2)
                text = f"{MARKS[verdict]} {plot.texts[row][column]}" if cell > 52 else MARKS[verdict]
                axes.text(column, row, text, ha="center", va="center", fontsize=11, color=INK)
        axes.set_xlim(-0.5, n - 0.5)
        axes.set_ylim(n - 0.5, -0.5)
        axes.set_xticks(range(n), [str(place + 1) for place in range(n)])
        axes.set_yticks(range(n), [f"{place + 1} {short(one, letters)}" for place, one in enumerate(plot.systems)])
        axes.xaxis.tick_top()
        axes.tick_params(length=0, labelcolor=SOFT)
        for side in axes.spines.values():
            side.set_visible(False)
    return drawing.svg
