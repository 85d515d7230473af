"""Writing a report, by the name of the file."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

from xret.artifact import atomic_file
from xret.atomic import real_place
from xret.errors import UsageError, require
from xret.reports.html import report_html
from xret.reports.latex import report_latex
from xret.reports.markdown import report_markdown
from xret.reports.report import Report
from xret.reports.text import report_text

__all__ = ["check_place", "check_report", "write_report"]

FORMATS: dict[str, Callable[[Report], str]] = {
    ".html": report_html,
    ".htm": report_html,
    ".md": report_markdown,
    ".tex": report_latex,
    ".txt": report_text,
}


def check_place(path: Path, suffixes: Collection[str]) -> None:
    """Refuse, before hours of work, a name that tells no format, and a folder that is not there or cannot be written.

    Args:
        path: of the report.
        suffixes: that are known, the first of those that mean the same first.

    Raises:
        UsageError: the name ends in none of them, or its folder does not exist or may not be written.
    """
    if path.suffix.lower() not in suffixes:
        known = [suffix for suffix in suffixes if suffix != ".htm"]
        wanted = f"{', '.join(known[:-1])} or {known[-1]}"
        raise UsageError(f"{path}: a report is written as {wanted}; give a name that ends so")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: no folder '{path.parent}' for the report; make it first")
    place = real_place(path)
    if path.is_dir() or not os.access(path if place is None else place.parent, os.W_OK):
        raise UsageError(f"{path}: a report cannot be written there; choose another name or folder")


def check_report(path: str | Path) -> None:
    """Refuse what could not be written in the end: see `check_place`; and a page whose plots nothing could draw.

    Raises:
        UsageError: see `check_place`.
        MissingExtraError: ``.html``, and matplotlib is not there.
    """
    path = Path(path)
    check_place(path, FORMATS)
    if FORMATS[path.suffix.lower()] is report_html:
        require("matplotlib", extra="report", purpose="a report with plots (.html)")


def write_report(report: Report, path: str | Path) -> None:
    """Write a report as HTML, Markdown, LaTeX or text, by the end of the name; the same bytes for the same report.

    Raises:
        UsageError: see `check_place`.
        MissingExtraError: see `check_report`.
        InputError: the place cannot be written.
    """
    path = Path(path)
    check_report(path)
    text = FORMATS[path.suffix.lower()](report)
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
