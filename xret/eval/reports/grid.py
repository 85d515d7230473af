"""Systems × systems: which differences are more than chance."""

from __future__ import annotations

from collections.abc import Sequence

from xret.eval.statistics import Comparison
from xret.reports import Grid, Table

__all__ = ["significance"]

ALPHA = 0.05


def significance(comparison: Comparison, measure: str, systems: Sequence[str]) -> tuple[Grid, Table] | None:
    """The grid of one measure over all queries and the numbers behind it; None with fewer than two systems.

    Args:
        comparison: of every two systems, or of all with a baseline.
        measure: spelling.
        systems: in the order of the grid.
    """
    rows = [
        row for row in comparison.differences.to_pylist()
        if row["lang"] == "all" and row["measure"] == measure and {row["system"], row["baseline"]} <= set(systems)
    ]  # fmt: skip
    if not rows:
        return None
    verdicts: dict[tuple[str, str], tuple[int, str]] = {}
    for row in rows:
        difference, sure = row["difference"], row["corrected"] < ALPHA
        for sign, pair in ((1, ("system", "baseline")), (-1, ("baseline", "system"))):
            verdict = 0 if not sure else (1 if sign * difference > 0 else -1)
            verdicts[row[pair[0]], row[pair[1]]] = (verdict, _signed(sign * difference))
    grid = Grid(
        title=f"Differences of {measure}",
        description=f"{measure} of the system of the row less that of the column, and whether that is more than chance "
        f"(corrected p below {ALPHA}).",
        systems=tuple(systems),
        verdicts=tuple(tuple(verdicts[a, b][0] if (a, b) in verdicts else None for b in systems) for a in systems),
        texts=tuple(tuple(verdicts[a, b][1] if (a, b) in verdicts else "" for b in systems) for a in systems),
    )
    columns = ("system", "against", "difference", "low", "high", "p", "corrected p", "detectable")
    keys = ("system", "baseline", "difference", "low", "high", "p", "corrected", "detectable")
    table = Table(
        title=f"Differences of {measure}, in numbers",
        columns=columns,
        rows=tuple(tuple(row[key] for key in keys) for row in rows),
        heads=2,
        note=" ".join(f"{line}." for line in comparison.definition().splitlines()),
    )
    return grid, table


def _signed(difference: float) -> str:
    shown = f"{difference:+.4f}".replace("-", "−")
    return shown if shown.strip("+−0.") else "0.0000"
