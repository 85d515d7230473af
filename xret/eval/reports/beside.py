"""Published numbers beside the rows of the same protocol on the same data, and never beside others."""

from __future__ import annotations

from collections.abc import Sequence

from xret.eval.protocols import Protocol
from xret.eval.published import beside, elsewhere
from xret.eval.reports.ideal import distance
from xret.eval.reports.systems import System
from xret.reports import Note, Table
from xret.reports.report import Block
from xret.reports.tables import Cell

__all__ = ["published"]

HERE = "this report"


def published(systems: Sequence[System], protocol: Protocol, benchmark: str) -> list[Block]:
    """A table of both, by measure and value; a note where there is nothing to show, but is elsewhere."""
    measures = list(dict.fromkeys(measure for system in systems for measure in system.measures))
    known = beside(protocol, benchmark, measures)
    more = elsewhere(protocol, benchmark)
    left = f" {more:,} published numbers of this protocol are on other languages or splits; not shown." if more else ""
    if not known and not more:
        return []
    if not known:
        return [Note(f"No published numbers of {protocol.name} ({protocol.identity}) on {benchmark} are known.{left}")]
    rows: list[tuple[Cell, ...]] = []
    own: list[int] = []
    for measure in dict.fromkeys(one.measure for one in known):
        mine = [
            (system.mean(measure), (measure, system.name, f"{system.mean(measure):.4f}", HERE, "", ""))
            for system in systems
        ]
        others = [
            (float(one.value), (measure, one.system, one.value, one.told, one.year, f"{one.checked}, {one.looked_up}"))
            for one in known
            if one.measure == measure
        ]
        for _, row in sorted([*mine, *others], key=lambda pair: distance(pair[0], measure)):
            own += [len(rows)] if row[3] == HERE else []
            rows.append(row)
    return [
        Table(
            title=f"Published numbers of {protocol.name} on {benchmark}",
            columns=("measure", "system", "value", "source", "year", "looked up"),
            rows=tuple(rows),
            heads=2,
            own=tuple(own),
            note=f"Only rows of the same protocol ({protocol.identity}), data and measure stand here.{left}",
        )
    ]
