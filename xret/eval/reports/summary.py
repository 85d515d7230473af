"""Means with intervals, one row a system."""

from __future__ import annotations

from collections.abc import Sequence

from xret.eval.reports.ideal import ideals
from xret.eval.reports.systems import System
from xret.eval.statistics import Comparison
from xret.reports import Table
from xret.reports.tables import Cell

__all__ = ["summary"]


def summary(
    systems: Sequence[System], comparison: Comparison | None, *, title: str = "Means over the queries"
) -> Table:
    """The measures of all systems; the headline with its interval.

    Args:
        systems: one or more.
        comparison: of the same systems, for the interval of the first measure.
        title: of the table.
    """
    measures = list(dict.fromkeys(measure for system in systems for measure in system.measures))
    ends = _ends(comparison, measures[0]) if comparison and measures else {}
    columns = ["system", *measures[:1], *(["low", "high"] if ends else []), *measures[1:]]
    rows: list[tuple[Cell, ...]] = []
    for system in systems:
        values: list[Cell] = [system.mean(measure) for measure in measures]
        between: tuple[Cell, ...] = ends.get(system.name, (None, None)) if ends else ()
        rows.append((system.name, *values[:1], *between, *values[1:]))
    note = f"low and high: {_interval(comparison, measures[0])}." if comparison and ends else ""
    return Table(title=title, columns=tuple(columns), rows=tuple(rows), best=ideals(measures), note=note)


def _interval(comparison: Comparison, measure: str) -> str:
    """Which, and what was drawn, unless queries were."""
    drawn = "" if comparison.topics is None else f", over {comparison.topics[0]:,} topics ({comparison.topics[1]})"
    return f"{comparison.confidence:.0%} interval of {measure}{drawn}"


def _ends(comparison: Comparison, measure: str) -> dict[str, tuple[float, float]]:
    return {
        row["system"]: (row["low"], row["high"])
        for row in comparison.intervals.to_pylist()
        if row["lang"] == "all" and row["measure"] == measure
    }
