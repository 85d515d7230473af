"""A report as text for a terminal or a mail."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from xret.reports.measured import clean, wide
from xret.reports.plots import Plot
from xret.reports.report import Block, Note, Report, once
from xret.reports.tables import Table

__all__ = ["report_text"]

WIDTH = 100  # columns of a paragraph


def report_text(report: Report) -> str:
    """The whole report, lines ended by line feeds; plots are told as tables."""
    return "\n".join(_lines(report)).rstrip("\n") + "\n"


def _lines(report: Report) -> Iterator[str]:
    title = clean(report.title)
    yield from (title, "=" * wide(title))
    if report.date:
        yield clean(report.date)
    for section in report.sections:
        heading = clean(section.title)
        yield from ("", heading, "-" * wide(heading))
        for block, again in once(section.blocks):
            yield ""
            yield from _block(block, again)
    if report.provenance:
        yield from ("", "Provenance", "----------", "")
        broad = max(wide(name) for name, _ in report.provenance)
        yield from (f"{_padded(clean(name), broad)}  {clean(value)}" for name, value in report.provenance)


def _block(block: Block, again: bool) -> Iterator[str]:
    if isinstance(block, Note):
        yield from textwrap.wrap(("! " if block.warning else "") + clean(block.text), WIDTH)
    elif isinstance(block, Plot):
        table = block.table()
        yield clean(table.title)
        yield from [] if again else textwrap.wrap(clean(block.description), WIDTH)
        yield from _table(table)
    else:
        yield clean(block.title)
        yield from _table(block)


def _table(table: Table) -> Iterator[str]:
    cells, best = table.texts(), table.leading()
    cells = [
        [clean(cell) + ("*" if (r, c) in best else "") for c, cell in enumerate(row)] for r, row in enumerate(cells)
    ]
    header = [clean(name) for name in table.columns]
    broad = [max(map(wide, column)) for column in zip(header, *cells, strict=True)]
    right = [table.numeric(column) for column in range(len(header))]
    for row in (header, ["-" * size for size in broad], *cells):
        yield "  ".join(_padded(*each) for each in zip(row, broad, right, strict=True)).rstrip()
    note = f"{table.note} *: best." if best and table.note else "*: best." if best else table.note
    yield from textwrap.wrap(clean(note), WIDTH)


def _padded(text: str, size: int, right: bool = False) -> str:
    blank = " " * (size - wide(text))
    return blank + text if right else text + blank
