"""A report as Markdown, with the tables of GitHub."""

from __future__ import annotations

import re
from collections.abc import Iterator

from xret.reports.measured import clean
from xret.reports.plots import Plot
from xret.reports.report import Block, Note, Report, once
from xret.reports.tables import Table

__all__ = ["report_markdown"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$&!])")


def report_markdown(report: Report) -> str:
    """The whole report; plots are told as tables."""
    return "\n".join(_lines(report)).rstrip("\n") + "\n"


def escaped(text: str) -> str:
    """`text` so that nothing in it is markup, a table's bar among them."""
    return _SPECIAL.sub(r"\\\1", clean(text))


def paragraph(text: str) -> str:
    """The same, also where it begins a line: no list, no heading."""
    text = escaped(text)
    return re.sub(r"^([-+=])|^(\d+)([.)])", lambda m: f"\\{m[1]}" if m[1] else f"{m[2]}\\{m[3]}", text)


def _lines(report: Report) -> Iterator[str]:
    yield from (f"# {escaped(report.title)}", "")
    if report.date:
        yield from (paragraph(report.date), "")
    for section in report.sections:
        yield from (f"## {escaped(section.title)}", "")
        for block, again in once(section.blocks):
            yield from _block(block, again)
            yield ""
    if report.provenance:
        rows = tuple(report.provenance)
        yield from ("## Provenance", "")
        yield from _table(Table(title="", columns=("what", "value"), rows=rows))


def _block(block: Block, again: bool) -> Iterator[str]:
    if isinstance(block, Note):
        yield f"> **Warning:** {escaped(block.text)}" if block.warning else paragraph(block.text)
        return
    table = block.table() if isinstance(block, Plot) else block
    yield from (f"### {escaped(table.title)}", "")
    if isinstance(block, Plot) and not again:
        yield from (paragraph(block.description), "")
    yield from _table(table)
    if table.note:
        yield from ("", paragraph(table.note))


def _table(table: Table) -> Iterator[str]:
    best = table.leading()
    yield _row([escaped(name) for name in table.columns])
    yield _row(["---:" if table.numeric(column) else "---" for column in range(len(table.columns))])
    for row, cells in enumerate(table.texts()):
        shown = [escaped(cell) for cell in cells]
        yield _row(
            [
                f"**{cell}**" if cell and ((row, column) in best or row in table.own) else cell
                for column, cell in enumerate(shown)
            ]
        )


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
