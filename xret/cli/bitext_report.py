"""``--report`` of commands that mine or filter pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from xret.bitext import Langs
    from xret.bitext.filters import Filtered

__all__ = ["check_report_option", "report_option", "save_report"]

Command = TypeVar("Command", bound=Callable[..., Any])


def report_option(command: Command) -> Command:
    """``--report``."""
    return click.option(
        "--report",
        type=click.Path(),
        metavar="FILE",
        help="Write a report to read: scores, what was dropped, pairs to judge; .html or .txt.",
    )(command)


def check_report_option(report: str | None) -> None:
    """Refuse a report that cannot be written, before work begins.

    Raises:
        UsageError: another suffix, or no such folder.
    """
    if report is not None:
        from xret.bitext.report import check_report

        check_report(Path(report))


def save_report(
    filtered: Filtered, report: str | None, *, langs: Langs, threshold: float | None, facts: list[tuple[str, str]]
) -> None:
    """Write ``--report``, if it was given.

    Args:
        filtered: by `Filter.chain` of `filter_stage`, whose `threshold` makes the pairs below it show.
        report: a path.
        langs: of source and target.
        threshold: the lowest score kept.
        facts: what is worth knowing about the run: name and value.
    """
    if report is None:
        return
    from xret.bitext.report import bitext_report, write_report

    title = f"Sentence pairs {'' if 'und' in langs else '-'.join(langs)}".rstrip()
    write_report(bitext_report(filtered, title=title, facts=facts, langs=langs, threshold=threshold), report)
