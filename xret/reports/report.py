"""What a report says, whatever it looks like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xret.reports.plots import Plot
from xret.reports.tables import Table

__all__ = ["Block", "Note", "Report", "Section", "Table", "once"]


@dataclass(frozen=True)
class Note:
    """A paragraph.

    Attributes:
        text: plain text.
        warning: it says what may be wrong.
    """

    text: str
    warning: bool = False


Block = Table | Plot | Note


@dataclass(frozen=True)
class Section:
    """Blocks under a heading."""

    title: str
    blocks: tuple[Block, ...]


def once(blocks: Iterable[Block]) -> Iterator[tuple[Block, bool]]:
    """Blocks, each with whether it is a plot whose description stood in the same section already."""
    said: set[str] = set()
    for block in blocks:
        words = block.description if isinstance(block, Plot) else ""
        yield block, words in said
        said |= {words} - {""}


@dataclass(frozen=True, kw_only=True)
class Report:
    """Sections under a title.

    Attributes:
        title: of the whole.
        date: ISO 8601, as given: the same report has the same bytes on any day.
        provenance: name and value of what the numbers come from: versions, hashes of data, hardware.
        sections: in the order in which they are read.
    """

    title: str
    date: str = ""
    provenance: tuple[tuple[str, str], ...] = ()
    sections: tuple[Section, ...] = ()
