"""A report as text for a terminal or a mail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from xret.bitext.report.contents import BitextReport, ReportPair
from xret.bitext.report.histogram import Histogram

__all__ = ["report_text", "score_text"]

BAR = 50  # characters of the longest bar
LONG = 200  # characters of a text that are shown


def report_text(report: BitextReport) -> str:
    """The whole report, lines ended by line feeds."""
    return "".join(line + "\n" for line in _lines(report))


def score_text(score: float | None) -> str:
    """A score with four decimals."""
    return "-" if score is None else f"{score:.4f}"


def _lines(report: BitextReport) -> Iterator[str]:
    yield report.title
    yield "=" * len(report.title)
    yield ""
    wide = max((len(name) for name, _ in report.facts), default=0)
    yield from (f"{name.ljust(wide)}  {value}" for name, value in report.facts)
    yield f"{report.kept:,} of {report.pairs:,} pairs kept{_limit(report)}"
    for doubt in report.doubts:
        yield f"! {doubt}"
    yield from _section("Filters", _counts(report))
    yield from _section("Scores", _bars(report.scores))
    if report.threshold is None:
        yield from _section(f"The last {len(report.above)} pairs kept", _pairs(report.above))
    else:
        yield from _section(f"The {len(report.above)} pairs above the threshold", _pairs(report.above))
        yield from _section(f"The {len(report.below)} pairs below it", _pairs(report.below))
    yield from _section(f"The {len(report.top)} best pairs", _pairs(report.top))


def _limit(report: BitextReport) -> str:
    return "" if report.threshold is None else f", threshold {report.threshold:.6g}"


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    yield from ("", title, "-" * len(title))
    yield from list(lines) or ["none"]


def _counts(report: BitextReport) -> Iterator[str]:
    wide = max((len(count.reason) for count in report.counts), default=0)
    for count in report.counts:
        yield f"{count.reason.ljust(wide)}  {count.dropped:>9,} of {count.before:>9,} dropped"
        notes = ([count.learnt] if count.learnt else []) + [f"{n:,} {what}" for what, n in count.details.items()]
        yield from (f"{'':{wide}}    {note}" for note in notes)


def _bars(scores: Histogram) -> Iterator[str]:
    """A line for each bin: kept pairs as full blocks, dropped ones as light ones."""
    total = scores.kept + scores.dropped
    most = max(1, int(np.max(total, initial=0)))
    labels = scores.labels()
    wide = max(map(len, labels), default=0)
    for label, kept, dropped in zip(labels, scores.kept.tolist(), scores.dropped.tolist(), strict=True):
        full = round(BAR * kept / most)
        light = round(BAR * (kept + dropped) / most) - full
        note = f"{kept:,}" + (f" (+{dropped:,} dropped)" if dropped else "")
        bar = "█" * full + "░" * light
        yield f"{label.rjust(wide)} {bar}{' ' if bar else ''}{note}"
    if scores.unscored:
        yield f"{scores.unscored:,} pairs have no score"


def _pairs(pairs: Iterable[ReportPair]) -> Iterator[str]:
    for pair in pairs:
        measures = "".join(f"  {name} {value:.4g}" for name, value in pair.measures.items())
        yield f"{score_text(pair.score)}  {pair.src_id}  {pair.tgt_id}{measures}"
        yield from (f"    {_short(text)}" for text in (pair.src_text, pair.tgt_text))


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONG else text[: LONG - 1] + "…"
