"""Tables for a terminal: columns aligned by what characters take up on screen, not by how many there are."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

__all__ = ["clip", "render", "width"]


def width(text: str) -> int:
    """Columns that `text` takes on a terminal: East Asian wide characters two, combining and control marks none."""
    return sum(_columns(character) for character in text)


def clip(text: str, columns: int) -> str:
    """`text` on one line, cut to at most `columns` with an ellipsis at the end."""
    text = " ".join(text.split())
    if width(text) <= columns:
        return text
    taken, used = [], 0
    for character in text:
        used += _columns(character)
        if used > columns - 1:
            break
        taken.append(character)
    return "".join(taken).rstrip() + "…"


def render(rows: Iterable[Sequence[object]], header: Sequence[str], *, right: Iterable[int] = ()) -> str:
    """Rows under a header, two spaces between columns, a rule below the header; the columns in `right` end flush."""
    cells = [[_on_one_line(str(cell)) for cell in row] for row in rows]
    wide = [max([width(name), *(width(row[n]) for row in cells)]) for n, name in enumerate(header)]
    flush = frozenset(right)
    lines = [list(header), ["─" * columns for columns in wide], *cells]
    return "\n".join(_line(line, wide, flush) for line in lines)


def _on_one_line(text: str) -> str:
    """Without what a terminal would obey: names in a table are from files."""
    if text.isprintable():
        return text
    return "".join(" " if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") else one for one in text)


def _line(cells: Sequence[str], wide: Sequence[int], right: frozenset[int]) -> str:
    padded = []
    for n, (cell, columns) in enumerate(zip(cells, wide, strict=True)):
        blank = " " * (columns - width(cell))
        padded.append(blank + cell if n in right else cell + blank)
    return "  ".join(padded).rstrip()


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf", "Cc"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
