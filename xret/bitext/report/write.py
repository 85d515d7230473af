"""Writing a report."""

from __future__ import annotations

from pathlib import Path

from xret.artifact import atomic_file
from xret.bitext.report.contents import BitextReport
from xret.bitext.report.html import report_html
from xret.bitext.report.text import report_text
from xret.reports.write import check_place

__all__ = ["check_report", "write_report"]

SUFFIXES = {".html": report_html, ".htm": report_html, ".txt": report_text}


def check_report(path: Path) -> None:
    """Refuse, before hours of work, a name that tells no format, and a folder that is not there or cannot be written.

    Raises:
        UsageError: the name ends in neither ``.html`` nor ``.txt``, or its folder does not exist or may not be written.
    """
    check_place(path, SUFFIXES)


def write_report(report: BitextReport, path: str | Path) -> None:
    """Write a report as HTML or text, by the end of the name; atomically, the same bytes for the same report.

    Raises:
        UsageError: see `check_report`.
        InputError: the place cannot be written.
    """
    path = Path(path)
    check_report(path)
    with atomic_file(path) as temporary:
        temporary.write_text(SUFFIXES[path.suffix.lower()](report), encoding="utf-8", newline="\n")
