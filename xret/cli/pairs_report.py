"""The report of `xret eval bitext`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xret.cli.report_options import file_hashes, save_eval_report

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["write_pairs_report"]


def write_pairs_report(
    path: str, pairs: pa.Table, gold: pa.Table, threshold: float | None, files: dict[str, str | None]
) -> None:
    """Write it.

    Args:
        path: of the report.
        pairs: as read.
        gold: as read.
        threshold: the lowest score that is taken; None: the best.
        files: role -> what was read.
    """
    from xret.eval.reports import pairs_report, provenance, today

    names = {role: Path(name or "-").name for role, name in files.items()}
    title = f"Pairs of {names['pairs']} against {names['gold']}"
    report = pairs_report(
        pairs, gold, threshold=threshold, title=title, date=today(), provenance=provenance(file_hashes(files))
    )
    save_eval_report(report, path)
