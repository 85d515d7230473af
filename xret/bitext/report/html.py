"""A report as one HTML page that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from xret.bitext.columns import Langs
from xret.bitext.report.chart import chart
from xret.bitext.report.contents import BitextReport, ReportPair
from xret.bitext.report.text import score_text
from xret.reports.page import page

__all__ = ["report_html"]


def report_html(report: BitextReport) -> str:
    """The whole page."""
    return page(report.title, "\n".join(("<main>", *_body(report), "</main>")))


def _body(report: BitextReport) -> Iterator[str]:
    yield f"<h1>{escape(report.title)}</h1>"
    limit = "" if report.threshold is None else f", threshold {report.threshold:.6g}"
    yield f"<p><strong>{report.kept:,}</strong> of {report.pairs:,} pairs kept{limit}</p>"
    yield from (f'<p class="doubt">{escape(doubt)}</p>' for doubt in report.doubts)
    yield from _facts(report)
    yield "<h2>Scores</h2>"
    yield chart(report.scores, report.threshold)
    unscored = f" {report.scores.unscored:,} pairs have no score." if report.scores.unscored else ""
    yield f"<p><small>Pairs by score: kept in colour, dropped in grey; the line is the threshold.{unscored}</small></p>"
    yield from _counts(report)
    if report.threshold is None:
        yield from _pairs(f"The last {len(report.above)} pairs kept", report.above, report.langs)
    else:
        yield from _pairs(f"The {len(report.above)} pairs above the threshold", report.above, report.langs)
        yield from _pairs(f"The {len(report.below)} pairs below it", report.below, report.langs)
    yield from _pairs(f"The {len(report.top)} best pairs", report.top, report.langs)


def _facts(report: BitextReport) -> Iterator[str]:
    if report.facts:
        rows = "\n".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in report.facts)
        yield f"<table>\n{rows}\n</table>"


def _counts(report: BitextReport) -> Iterator[str]:
    yield "<h2>Filters</h2>"
    if not report.counts:
        yield "<p>none</p>"
        return
    yield '<table>\n<tr><th>Filter</th><th class="number">Dropped</th><th class="number">Seen</th><th>Notes</th></tr>'
    for count in report.counts:
        notes = ([count.learnt] if count.learnt else []) + [f"{n:,} {what}" for what, n in count.details.items()]
        numbers = f'<td class="number">{count.dropped:,}</td><td class="number">{count.before:,}</td>'
        yield f"<tr><td>{escape(count.reason)}</td>{numbers}<td>{'<br>'.join(map(escape, notes))}</td></tr>"
    yield "</table>"


def _pairs(title: str, pairs: Iterable[ReportPair], langs: Langs) -> Iterator[str]:
    yield f'<h2>{title}</h2>\n<table>\n<tr><th class="number">Score</th><th>Source</th><th>Target</th></tr>'
    for pair in pairs:
        measures = "".join(f"<br><small>{escape(name)} {value:.4g}</small>" for name, value in pair.measures.items())
        sides = zip((pair.src_id, pair.tgt_id), (pair.src_text, pair.tgt_text), langs, strict=True)
        cells = "".join(_cell(*side) for side in sides)
        yield f'<tr><td class="number">{score_text(pair.score)}{measures}</td>{cells}</tr>'
    yield "</table>"


def _cell(id: str, text: str, lang: str) -> str:
    known = "" if lang == "und" else f' lang="{escape(lang)}"'
    return f'<td class="text"><span dir="auto"{known}>{escape(text)}</span><br><small>{escape(id)}</small></td>'
