"""The report of calibrations: effectiveness against fairness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from xret.eval.fairness import FairnessScores
from xret.eval.reports.fair import attention_bars
from xret.eval.reports.ideal import ideals
from xret.eval.reports.systems import SHOWN
from xret.reports import Point, Points, Report, Section, Table
from xret.reports.report import Block
from xret.reports.tables import Cell

__all__ = ["Calibrated", "calibrations_report"]


class Calibrated(Protocol):
    """One way of ranking a run anew, scored: what `xret.stages.merging.compare` gives."""

    @property
    def method(self) -> str:
        """Its name."""

    @property
    def measures(self) -> Mapping[str, float]:
        """Effectiveness: measure -> mean."""

    @property
    def fair(self) -> FairnessScores:
        """Fairness."""


def calibrations_report(
    found: Mapping[str, Sequence[Calibrated]], *, title: str = "Calibration across languages", date: str = "",
    provenance: tuple[tuple[str, str], ...] = (),
) -> Report:  # fmt: skip
    """Report on calibrations, run by run.

    Args:
        found: run -> its calibrations, one or more, with the same measures.
        title, date, provenance: of the report.
    """
    sections = []
    measure = next(iter(next(iter(found.values()))[0].measures))
    fair = next(iter(found.values()))[0].fair.measures
    points = [plot for name in fair if (plot := _points(found, measure, name)) is not None]
    if points:
        sections.append(Section("Effectiveness against fairness", tuple(points)))
    for name, ways in found.items():
        blocks: list[Block] = [_table(name, ways)]
        if (bars := attention_bars({one.method: one.fair for one in ways[:SHOWN]})) is not None:
            blocks.append(bars)
        sections.append(Section(name, tuple(blocks)))
    return Report(title=title, date=date, provenance=provenance, sections=tuple(sections))


def _points(found: Mapping[str, Sequence[Calibrated]], measure: str, name: str) -> Points | None:
    if not name.startswith(("PEER", "AWRF", "least share", "worst R")):
        return None  # the others have no better and worse end that a picture could show
    group = len(found) > 1
    points = [
        Point(one.method, one.measures[measure], one.fair.measures[name], run if group else "")
        for run, ways in found.items()
        for one in ways
        if one.fair.measures[name] == one.fair.measures[name]
    ]
    if not points:
        return None
    return Points(
        title=f"{measure} against {name}",
        description="Ways to one list over all languages.",
        reading="Further right ranks better, further up is fairer.",
        points=tuple(points),
        x_axis=measure,
        y_axis=name,
    )


def _table(name: str, ways: Sequence[Calibrated]) -> Table:
    measures, fair = list(ways[0].measures), list(ways[0].fair.measures)
    rows: list[tuple[Cell, ...]] = [
        (one.method, *(one.measures[each] for each in measures), *(one.fair.measures[each] for each in fair))
        for one in ways
    ]
    return Table(
        title=f"Calibrations of {name}",
        columns=("method", *measures, *fair),
        rows=tuple(rows),
        best=ideals([*measures, *fair]),
        note="PEER, AWRF and least share: 1 is fair; W and distance: 0; own-first: 0.5. –: undefined.",
    )
