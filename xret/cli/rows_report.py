"""Reports of scored rows: of benchmarks, suites, and files of rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xret.cli.report_options import save_eval_report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xret.eval.protocols import Scored
    from xret.pipeline.suite.results import Missing

__all__ = ["failures", "read_rows", "write_rows_report"]


def write_rows_report(path: str, rows: Sequence[Scored], *, title: str) -> None:
    """Write the report of rows just scored."""
    from xret.eval.reports import rows_report, today

    save_eval_report(rows_report(rows, title=title, date=today()), path)


def failures(failed: Sequence[Missing]) -> list[str]:
    """What a suite could not compute, a line each."""
    return [f"{each.system} has no numbers on {each.benchmark}: {each.why}" for each in failed]


def read_rows(name: str) -> tuple[list[Scored], str, list[str]]:
    """Rows of a file or of a suite's folder, the title and the failures of the suite.

    Raises:
        InputError: neither of the two.
    """
    from xret.eval.protocols import read_scored

    if Path(name).is_dir():
        from xret.pipeline.suite.results import load_results

        suite = load_results(name)
        return list(suite.rows), suite.title, failures(suite.failed)
    return [read_scored(name)], "", []
