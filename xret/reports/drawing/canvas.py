"""A figure, and what becomes of it on a page."""

from __future__ import annotations

import contextlib
import io
import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any
from xml.etree import ElementTree

from xret.errors import require
from xret.reports.drawing.colours import INK, LINE, SOFT, named
from xret.reports.measured import clean
from xret.reports.plots import Plot

__all__ = ["AXIS", "BROAD", "NARROW", "Canvas", "canvas", "short"]

BROAD, NARROW = 940, 350  # units of a drawing, about pixels where the window is as wide
LETTERS = 12  # height
AXIS = 40  # letters of the name of an axis
_SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "xret", "svg.id": None, "path.simplify": False, "text.parse_math": False,
    "text.usetex": False, "font.family": ["DejaVu Sans"], "font.size": LETTERS, "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT, "axes.linewidth": 1.0, "axes.axisbelow": True, "axes.grid": False,
    "axes.unicode_minus": True,
    "axes.spines.top": False, "axes.spines.right": False, "axes.facecolor": "none", "axes.formatter.useoffset": False,
    "figure.facecolor": "none", "grid.color": LINE, "grid.linewidth": 1.0, "text.color": INK, "xtick.color": LINE,
    "xtick.labelcolor": SOFT, "ytick.color": LINE, "ytick.labelcolor": SOFT, "xtick.labelsize": LETTERS,
    "ytick.labelsize": LETTERS, "axes.labelsize": LETTERS, "hatch.linewidth": 1.0,
}  # fmt: skip


@dataclass
class Canvas:
    """A figure being drawn.

    Attributes:
        axes: matplotlib's.
        narrow: for a narrow window.
        wide, high: units.
        svg: the drawing, once it is done.
    """

    axes: Any
    narrow: bool
    wide: float
    high: float
    svg: str = ""


@contextlib.contextmanager
def canvas(plot: Plot, name: str, *, narrow: bool, high: float, wide: float = math.inf) -> Iterator[Canvas]:
    """A figure to draw into; the SVG is there when the block ends.

    Args:
        plot: has the words for those who do not see it.
        name: before every id, so that no two on a page are equal.
        narrow: for a narrow window.
        high, wide: units; at most what the window has.

    Raises:
        MissingExtraError: matplotlib is not there.
    """
    plotting = require("matplotlib", extra="report", purpose="a report with plots (.html)")
    figures = require("matplotlib.figure", extra="report", purpose="a report with plots (.html)")
    wide = min(wide, NARROW if narrow else BROAD)
    with warnings.catch_warnings(), plotting.rc_context():
        warnings.simplefilter("ignore")  # of letters that are not in the font by which matplotlib measures
        plotting.rcdefaults()
        plotting.rcParams.update({key: value for key, value in _SETTINGS.items() if key in plotting.rcParams})
        figure = figures.Figure(figsize=(wide / 72, high / 72), dpi=72, layout="constrained")
        drawing = Canvas(figure.add_subplot(), narrow, wide, high)
        yield drawing
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        drawing.svg = _inline(out.getvalue(), plot, name, narrow=narrow)


def short(text: str, letters: int) -> str:
    """`text` on one line with at most so many letters, the middle left out: ends tell names apart, too."""
    text = clean(text)
    if len(text) <= letters:
        return text
    head = (letters - 1) // 2
    return f"{text[:head]}…{text[-(letters - 1 - head) :]}"


def _inline(svg: str, plot: Plot, name: str, *, narrow: bool) -> str:
    """The drawing as a part of a page: no namespaces, no styles for all, ids that are its own, and words for it.

    Letters inside are left as they are: only attributes, which matplotlib writes, are changed.
    """
    root = ElementTree.fromstring(svg)
    used = {found for part in root.iter() for value in part.attrib.values() for found in _REFERENCE.findall(value)}
    for part in list(root.iter()):
        for child in list(part):
            if child.tag.endswith(("}metadata", "}style")):
                part.remove(child)
        attributes = {key.rpartition("}")[2]: value for key, value in part.attrib.items()}
        kept = {key: value for key, value in attributes.items() if key != "id" or value in used}
        part.tag, part.tail = part.tag.rpartition("}")[2], None
        part.attrib = {key: _attribute(key, value, name) for key, value in kept.items()}
        part.text = part.text if part.tag == "text" else None
    body = "".join(ElementTree.tostring(child, encoding="unicode") for child in root).replace("<defs />", "")
    box = root.attrib["viewBox"]
    words = f'<title id="{name}-title">{escape(clean(plot.title))}</title>'
    words += f'<desc id="{name}-desc">{escape(clean(plot.description))}</desc>'
    labels = f'role="img" aria-labelledby="{name}-title" aria-describedby="{name}-desc"'
    look = f'class="plot {"narrow" if narrow else "broadly"}" style="max-width: {float(box.split()[2]) * 1.05:.0f}px"'
    return f'<svg {look} viewBox="{box}" {labels}>{words}{body}</svg>'


_REFERENCE = re.compile(r"(?:^|(?<=url\())#([\w.-]+)(?=$|\))")


def _attribute(key: str, value: str, name: str) -> str:
    """With ids of this drawing, colours of the page, its font, and no decimals that nobody sees."""
    if key == "id":
        return f"{name}-{value}"
    if key == "href" or "url(#" in value:
        value = _REFERENCE.sub(lambda found: f"#{name}-{found[1]}", value)
    if key in ("style", "fill", "stroke"):
        value = named(re.sub(r"font-family: [^;]*(; |$)", "", value))
    return re.sub(r"-?\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}", " ".join(value.split()))
