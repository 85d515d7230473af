"""Writing a report."""

from __future__ import annotations

import os
from pathlib import Path

from xret.artifact import atomic_file
from xret.atomic import real_place
from xret.bitext.report.contents import BitextReport
from xret.bitext.report.html import report_html
from xret.bitext.report.text import report_text
from xret.errors import UsageError

__all__ = ["check_report", "write_report"]

SUFFIXES = {".html": report_html, ".htm": report_html, ".txt": report_text}


def check_report(path: Path) -> None:
    """Refuse, before hours of work, a name that tells no format, and a folder that is not there or cannot be written.

    Raises:
        UsageError: the name ends in neither ``.html`` nor ``.txt``, or its folder does not exist or may not be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: a report is written as .html or .txt; give a name that ends so")
    if not path.parent.is_dir():
        raise UsageError(f"{path}: no folder '{path.parent}' for the report; make it first")
    place = real_place(path)
    if path.is_dir() or not os.access(path if place is None else place.parent, os.W_OK):
        raise UsageError(f"{path}: a report cannot be written there; choose another name or folder")


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
