"""A report as one HTML page that loads nothing and runs nothing: by day, by night, on paper, in any window."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from xret.reports.drawing.draw import drawn
from xret.reports.legend import legend
from xret.reports.measured import clean
from xret.reports.page import page
from xret.reports.plots import Plot
from xret.reports.report import Block, Note, Report, Section, once
from xret.reports.tables import Table

__all__ = ["report_html"]

STYLE = """
h2 { font-size: 1.25rem; margin-top: 2.6rem; padding-top: .8rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.6rem 0 .3rem; } figure { margin: 1.6rem 0; }
figcaption h3 { margin: 0 0 .2rem; } figcaption p, .note { color: var(--soft); margin: 0 0 .5rem; max-width: 46rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; padding: 0; margin: 1rem 0; list-style: none; }
a { color: var(--s0); } .date { color: var(--soft); margin-top: -.6rem; }
.scroll { overflow-x: auto; max-width: 100%; } .scroll:focus-visible { outline: 2px solid var(--s0); }
.scroll table { width: auto; min-width: min(100%, 30rem); } .scroll thead th { vertical-align: bottom; }
.scroll th[scope=row] { color: var(--ink); font-weight: 500; } .scroll .word { white-space: nowrap; }
.scroll .words { min-width: 9rem; overflow-wrap: anywhere; } .scroll th.number { overflow-wrap: normal; }
tr.own > * { font-weight: 700 !important; background: var(--raised); }
.scroll.broad :is(td, th) { padding: .25rem .45rem; }
.scroll.broad :is(th:first-child) { position: sticky; left: 0; background: var(--page);
  box-shadow: inset 0 -1px var(--line); }
.best { font-weight: 700; } .best::after { content: " ★"; font-size: .7em; color: var(--s0); }
table.facts { table-layout: fixed; } .facts th { width: 11rem; overflow-wrap: anywhere; }
.plot { display: block; height: auto; overflow: visible; }
.plot * { stroke-linejoin: round; stroke-linecap: butt; } .plot text { font-family: system-ui, sans-serif; }
.narrow { display: none; }
ul.legend { display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; padding: 0; margin: .3rem 0; list-style: none; }
.legend li { display: flex; align-items: baseline; gap: .4rem; } .legend svg { width: 22px; height: 12px; flex: none; }
.scale { display: flex; align-items: center; gap: .5rem; margin: .3rem 0; font-variant-numeric: tabular-nums; }
.scale span { display: flex; } .scale i { width: 16px; height: 12px; }
details { margin: .5rem 0 0; } summary { cursor: pointer; color: var(--soft); }
@media screen and (max-width: 760px) { .broadly { display: none; } .narrow { display: block; }
  body { margin: 1rem auto; } th, td { padding: .3rem .45rem; } .facts th { width: 7rem; } }
@media print { body { font-size: 10pt; max-width: none; margin: 0; } nav, summary { display: none; }
  figure, tr { break-inside: avoid; } h2, h3, figcaption { break-after: avoid; } .scroll { overflow: visible; }
  .scroll :is(td, th) { font-size: 8.5pt; padding: 2pt 4pt; }
  .scroll.broad :is(td, th) { font-size: 6.5pt; padding: 1pt 2pt; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; } }
"""
BROAD = 9  # columns of a table that is set tighter


def report_html(report: Report) -> str:
    """The whole page.

    Raises:
        MissingExtraError: the report has plots, and matplotlib is not there.
    """
    return page(clean(report.title), "\n".join(_body(report)), more=STYLE)


def _body(report: Report) -> Iterator[str]:
    yield f"<header>\n<h1>{_shown(report.title)}</h1>"
    if report.date:
        yield f'<p class="date"><time datetime="{escape(report.date)}">{_shown(report.date)}</time></p>'
    titles = [section.title for section in report.sections] + (["Provenance"] if report.provenance else [])
    yield "</header>"
    if len(titles) > 2:
        links = "".join(f'<li><a href="#part{n}">{_shown(title)}</a></li>' for n, title in enumerate(titles))
        yield f'<nav aria-label="Sections"><ul>{links}</ul></nav>'
    yield "<main>"
    for place, section in enumerate(report.sections):
        yield from _section(section, place)
    if report.provenance:
        yield f'<section id="part{len(report.sections)}"><h2>Provenance</h2>'
        rows = (
            f'<tr><th scope="row">{_shown(name)}</th><td>{_shown(value)}</td></tr>' for name, value in report.provenance
        )
        yield f'<table class="facts">{"".join(rows)}</table></section>'
    yield "</main>"


def _section(section: Section, place: int) -> Iterator[str]:
    yield f'<section id="part{place}">\n<h2>{_shown(section.title)}</h2>'
    for number, (block, again) in enumerate(once(section.blocks)):
        yield from _block(block, f"part{place}-{number}", again)
    yield "</section>"


def _block(block: Block, name: str, again: bool) -> Iterator[str]:
    if isinstance(block, Note):
        yield f'<p class="{"doubt" if block.warning else "note"}">{_shown(block.text)}</p>'
    elif isinstance(block, Plot):
        yield from _figure(block, name, again)
    else:
        yield f'<h3 id="{name}">{_shown(block.title)}</h3>'
        yield _table(block, name)
        if block.note:
            yield f'<p class="note">{_shown(block.note)}</p>'


def _figure(plot: Plot, name: str, again: bool) -> Iterator[str]:
    told = f"{plot.description} {plot.reading}".strip()
    said = "" if again else f"<p>{_shown(told)}</p>"
    words = f'<figcaption><h3 id="{name}">{_shown(plot.title)}</h3>{said}</figcaption>'
    yield f"<figure>\n{words}\n{legend(plot)}"
    for narrow in (False, True):
        yield drawn(plot, name, narrow=narrow)
    yield f"<details><summary>The numbers</summary>\n{_table(plot.table(), name)}\n</details>\n</figure>"


def _table(table: Table, name: str) -> str:
    kind = "scroll broad" if len(table.columns) > BROAD else "scroll"
    looks = [_look(table, column) for column in range(len(table.columns))]
    heads = zip(table.columns, looks, strict=True)
    header = "".join(f'<th scope="col"{_classes(look)}>{_shown(column)}</th>' for column, look in heads)
    best = table.leading()
    rows = []
    for row, cells in enumerate(table.texts()):
        shown = [
            _cell(cell, [looks[column], "best" if (row, column) in best else ""], head=column < table.heads)
            for column, cell in enumerate(cells)
        ]
        rows.append(f"<tr{_classes('own' if row in table.own else '')}>{''.join(shown)}</tr>")
    body = "\n".join(rows) or f'<tr><td colspan="{len(table.columns)}">none</td></tr>'
    return (
        f'<div class="{kind}" tabindex="0" role="group" aria-labelledby="{name}">\n<table>\n'
        f"<thead><tr>{header}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div>"
    )


def _look(table: Table, column: int) -> str:
    return "number" if table.numeric(column) else "words" if table.wordy(column) else "word"


def _cell(cell: str, looks: list[str], *, head: bool) -> str:
    start, end = ('th scope="row"', "th") if head else ("td", "td")
    return f"<{start}{_classes(*looks)}>{_shown(cell)}</{end}>"


def _classes(*names: str) -> str:
    there = " ".join(filter(None, names))
    return f' class="{there}"' if there else ""


def _shown(text: str) -> str:
    return escape(clean(text))
