"""Colours by name. matplotlib is given colours that nobody would choose; in the SVG they become variables of the page.

So one drawing serves by day, by night and on paper.
"""

from __future__ import annotations

import itertools
import re

__all__ = ["INK", "LEVELS", "LINE", "MARKERS", "PAGE", "SERIES", "SOFT", "heat", "heat_ink", "named", "series", "style"]

LEVELS = 13  # of a heat map
SERIES = 8  # colours and markers, by which series are told apart
INK, SOFT, LINE, PAGE = "#010000", "#010001", "#010002", "#010003"
BETTER, WORSE, SAME = "#010004", "#010005", "#010006"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")
_NAMES = {
    INK: "ink", SOFT: "soft", LINE: "line", PAGE: "page", BETTER: "better", WORSE: "worse", SAME: "same",
    **{f"#0101{n:02x}": f"s{n}" for n in range(SERIES)},
    **{f"#0102{n:02x}": f"h{n}" for n in range(LEVELS)},
    **{f"#0103{n:02x}": f"t{n}" for n in range(LEVELS)},
}  # fmt: skip
# Told apart by those who see red and green alike (after Okabe & Ito), 3:1 against the page at least.
_DAY = ("#0067a5", "#c24e00", "#00805c", "#b0568a", "#8a6a00", "#2a8fc4", "#6a4c9c", "#5b6472")
_NIGHT = ("#6cb6ff", "#ff9a55", "#4fd1a5", "#f29bca", "#e3c04f", "#9ad7ff", "#c2a5f5", "#b9c2d0")
_HEAT_DAY = ((0.0, (246, 248, 252)), (0.5, (92, 151, 205)), (1.0, (8, 44, 96)))
_HEAT_NIGHT = ((0.0, (30, 36, 48)), (0.5, (44, 98, 160)), (1.0, (190, 224, 255)))


def series(place: int) -> str:
    """The colour of a series."""
    return f"#0101{place % SERIES:02x}"


def heat(level: int) -> str:
    """The colour of a level of heat."""
    return f"#0102{level:02x}"


def heat_ink(level: int) -> str:
    """The colour of letters on that level."""
    return f"#0103{level:02x}"


def named(svg: str) -> str:
    """SVG with the variables of the page instead of our colours."""
    return re.sub(r"#01[0-9a-f]{4}", lambda found: f"var(--{_NAMES[found[0]]})", svg)


def style() -> tuple[str, str]:
    """Declarations of the variables s0…, h0… and t0…, by day and by night."""
    return _declared(_DAY, _HEAT_DAY), _declared(_NIGHT, _HEAT_NIGHT)


Rgb = tuple[int, int, int]
Ramp = tuple[tuple[float, Rgb], ...]


def _declared(colours: tuple[str, ...], ramp: Ramp) -> str:
    parts = [f"--s{n}: {colour};" for n, colour in enumerate(colours)]
    for level in range(LEVELS):
        colour = _on(ramp, level / (LEVELS - 1))
        light = _luminance(colour) > 0.179  # where black and white stand out alike (WCAG 2)
        parts.append(f"--h{level}: #{colour[0]:02x}{colour[1]:02x}{colour[2]:02x};")
        parts.append(f"--t{level}: {'#000' if light else '#fff'};")
    return " ".join(parts)


def _on(ramp: Ramp, at: float) -> Rgb:
    (start, low), (end, high) = next(pair for pair in itertools.pairwise(ramp) if at <= pair[1][0])
    share = (at - start) / (end - start)
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(low, high, strict=True))
    return red, green, blue


def _luminance(colour: Rgb) -> float:
    parts = [part / 255 for part in colour]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
