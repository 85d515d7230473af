"""What colours, marks and hatches of a plot stand for, in words that the page can wrap."""

from __future__ import annotations

from html import escape

from xret.reports.drawing.colours import LEVELS, MARKERS
from xret.reports.drawing.heat import heat_ends
from xret.reports.measured import clean
from xret.reports.plots import Counts, Curves, Grid, Heat, Plot

__all__ = ["legend"]

_SHAPES = {
    "o": "M11 2a4 4 0 1 0 .01 0z", "s": "M7 2h8v8h-8z", "^": "M11 1.5l4.5 8.5h-9z", "D": "M11 1l5 5-5 5-5-5z",
    "v": "M11 10.5l4.5-8.5h-9z", "P": "M9.3 1.5h3.4v3h3v3h-3v3h-3.4v-3h-3v-3h3z",
    "X": "M8 1.2l3 3 3-3 2 2-3 3 3 3-2 2-3-3-3 3-2-2 3-3-3-3z", "p": "M11 1.5l5 3.8-2 5.4h-6l-2-5.4z",
}  # fmt: skip
_STRIPES = {
    0: "",
    1: "M3 10l8-8M8 10l8-8M13 10l6-6",
    2: "M5 4h2M10 4h2M15 4h2M7 8h2M12 8h2M17 8h1",
    3: "M3 2l8 8M8 2l8 8",
}


def legend(plot: Plot) -> str:
    """HTML; empty where there is nothing to tell apart."""
    if isinstance(plot, Heat):
        return _scale(plot)
    if isinstance(plot, Grid):
        return _items(
            [(_box("better"), "▲ row better"), (_box("same"), "= not significant"), (_box("worse"), "▼ row worse")]
        )
    names = plot.names()
    if len(names) < 2 and not isinstance(plot, Counts):
        return ""
    if isinstance(plot, Counts):
        items = [(_hatched(place), name) for place, name in enumerate(names)]
        if plot.threshold is not None:
            dashes = '<path d="M11 0v12" stroke="var(--ink)" stroke-width="2" stroke-dasharray="5 2" fill="none"/>'
            items.append((_svg(dashes), f"threshold {plot.threshold:.6g}"))
        return _items(items)
    return _items([(_marked(place, line=isinstance(plot, Curves)), name) for place, name in enumerate(names)])


def _items(items: list[tuple[str, str]]) -> str:
    shown = "".join(f"<li>{sign}<span>{escape(clean(name))}</span></li>" for sign, name in items)
    return f'<ul class="legend">{shown}</ul>'


def _svg(inside: str) -> str:
    return f'<svg viewBox="0 0 22 12" aria-hidden="true">{inside}</svg>'


def _marked(place: int, *, line: bool) -> str:
    colour = f"var(--s{place % len(MARKERS)})"
    path = f'<path d="{_SHAPES[MARKERS[place % len(MARKERS)]]}" fill="{colour}"/>'
    return _svg((f'<path d="M0 6h22" stroke="{colour}" stroke-width="2"/>' if line else "") + path)


def _box(colour: str) -> str:
    return _svg(f'<path d="M3 1h16v10h-16z" fill="var(--{colour})" stroke="var(--soft)"/>')


def _hatched(place: int) -> str:
    box = f'<path d="M3 1h16v10h-16z" fill="var(--s{place % len(MARKERS)})"/>'
    return _svg(box + f'<path d="{_STRIPES[place % 4]}" stroke="var(--page)" fill="none"/>')


def _scale(plot: Heat) -> str:
    low, high = heat_ends(plot)
    steps = "".join(f'<i style="background: var(--h{level})"></i>' for level in range(LEVELS))
    ends = (f"{low:.{plot.digits}f}", f"{high:.{plot.digits}f}")
    return f'<p class="scale">{ends[0]}<span aria-hidden="true">{steps}</span>{ends[1]}</p>'
