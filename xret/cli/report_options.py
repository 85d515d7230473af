"""``--report`` of commands that evaluate."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xret.cli.options import Command

if TYPE_CHECKING:
    from xret.reports import Report

__all__ = ["check_eval_report", "eval_report_option", "file_hashes", "save_eval_report"]

HELP = "Write a report to read or to cite, with plots: .html (extra report); without: .md, .tex or .txt."


def eval_report_option(command: Command) -> Command:
    """``--report``."""
    return click.option("--report", type=click.Path(), metavar="OUT", help=HELP)(command)


def check_eval_report(report: str | None, *inputs: str | None, option: str = "--report") -> None:
    """Refuse, before work begins, a report that cannot be written or would replace what is read.

    Raises:
        UsageError: another suffix, no such folder, or one of the inputs.
        MissingExtraError: a page with plots, and nothing that draws them.
    """
    if report is None:
        return
    from xret.cli.overwrite import refuse_overwriting
    from xret.reports import check_report

    check_report(report)
    refuse_overwriting(report, *inputs, option=option)


def save_eval_report(report: Report, path: str) -> None:
    """Write it, and say so with ``-v``."""
    from xret.reports import write_report

    write_report(report, path)
    logging.getLogger("xret").info("wrote %s", path)


def file_hashes(files: Mapping[str, str | None]) -> dict[str, str]:
    """Role -> name of the file and SHA-256 of its bytes, of those that are files."""
    import hashlib

    found = {}
    for role, name in files.items():
        if name is not None and Path(name).is_file():
            with Path(name).open("rb") as stream:
                found[role] = f"{name}, SHA-256 {hashlib.file_digest(stream, 'sha256').hexdigest()}"
        elif name is not None:
            found[role] = name
    return found
