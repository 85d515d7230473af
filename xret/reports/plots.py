"""Plots as values. Each tells its numbers as a table too, which stands for it where nothing is drawn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest

from xret.reports.tables import Cell, Table

__all__ = [
    "Bars",
    "Counts",
    "Curve",
    "Curves",
    "Grid",
    "Heat",
    "Plot",
    "Point",
    "Points",
    "Series",
    "Spread",
    "Spreads",
]

Numbers = tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Plot:
    """What all plots have.

    Attributes:
        title: a heading.
        description: what it tells, in a sentence or two, drawn or not.
        reading: what the marks of the drawing mean.
        digits: of the numbers in the table.
    """

    title: str
    description: str
    reading: str = ""
    digits: int = 4

    def table(self) -> Table:
        """The numbers of the plot."""
        columns, rows = self._numbers()
        return Table(title=self.title, columns=tuple(columns), rows=tuple(map(tuple, rows)), digits=self.digits)

    def _numbers(self) -> tuple[Iterable[str], Iterable[Iterable[Cell]]]:
        raise NotImplementedError

    def names(self) -> tuple[str, ...]:
        """Of the series, for the legend; none where there is nothing to tell apart."""
        return ()


@dataclass(frozen=True)
class Series:
    """One value a label; NaN where there is none. `low` and `high` are the ends of intervals, or empty."""

    name: str
    values: Numbers
    low: Numbers = ()
    high: Numbers = ()


@dataclass(frozen=True, kw_only=True)
class Bars(Plot):
    """A bar for each label and series, with the interval where there is one.

    Attributes:
        labels: n names below the bars.
        series: each with n values.
        label_axis, axis: what labels and values are.
        sizes: n numbers of observations, told in the table; or none.
        reference: a value that is marked by a line.
    """

    labels: tuple[str, ...]
    series: tuple[Series, ...]
    label_axis: str
    axis: str
    sizes: tuple[int, ...] = ()
    reference: float | None = None

    def names(self) -> tuple[str, ...]:
        """Of the series."""
        return tuple(one.name for one in self.series)

    def _numbers(self) -> tuple[Iterable[str], Iterable[Iterable[Cell]]]:
        columns, sides = [self.label_axis], [list(self.labels)]
        numbers: list[list[Cell]] = [list(self.sizes)] if self.sizes else []
        columns += ["queries"] if self.sizes else []
        for one in self.series:
            columns.append(one.name)
            numbers.append(list(one.values))
            if one.low:
                columns += [f"{one.name} low", f"{one.name} high"]
                numbers += [list(one.low), list(one.high)]
        return columns, zip(*sides, *numbers, strict=True)


@dataclass(frozen=True, kw_only=True)
class Heat(Plot):
    """A number for each row and column, shown by colour and, where it fits, in digits.

    Attributes:
        rows, columns: names.
        values: a tuple a row; NaN: none.
        row_axis, column_axis: what rows and columns are.
        low, high: ends of the scale; None: of the values.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[Numbers, ...]
    row_axis: str
    column_axis: str
    low: float | None = 0.0
    high: float | None = None
    digits: int = 2

    def _numbers(self) -> tuple[Iterable[str], Iterable[Iterable[Cell]]]:
        return (
            (f"{self.row_axis} \\ {self.column_axis}", *self.columns),
            ((name, *row) for name, row in zip(self.rows, self.values, strict=True)),
        )


@dataclass(frozen=True, kw_only=True)
class Grid(Plot):
    """Each row against each column: worse (-1), not significant (0), better (1); None: nothing to compare.

    Attributes:
        systems: names of rows and columns.
        verdicts: a tuple a row.
        texts: what stands in the cells, the verdict's mark apart.
    """

    systems: tuple[str, ...]
    verdicts: tuple[tuple[int | None, ...], ...]
    texts: tuple[tuple[str, ...], ...]

    def _numbers(self) -> tuple[Iterable[str], Iterable[Iterable[Cell]]]:
        rows: list[list[Cell]] = []
        for name, verdicts, texts in zip(self.systems, self.verdicts, self.texts, strict=True):
            rows.append([name, *(_marked(verdict, text) for verdict, text in zip(verdicts, texts, strict=True))])
        return ("row − column", *self.systems), rows


def _marked(verdict: int | None, text: str) -> str | None:
    return None if verdict is None else f"{text} {({-1: 'worse', 0: 'not significant', 1: 'better'})[verdict]}".strip()


@dataclass(frozen=True)
class Curve:
    """Points joined in their order; `low` and `high` are the ends of intervals of y, or empty."""

    name: str
    x: Numbers
    y: Numbers
    low: Numbers = ()
    high: Numbers = ()


@dataclass(frozen=True, kw_only=True)
class Curves(Plot):
    """Curves over one another.

    Attributes:
        curves: the first is the main one.
        x_axis, y_axis: what they are.
        diagonal: where y should equal x.
        unit_x, unit_y: the axis goes from 0 to 1.
    """

    curves: tuple[Curve, ...]
    x_axis: str
    y_axis: str
    diagonal: bool = False
    unit_x: bool = False
    unit_y: bool = True

    def names(self) -> tuple[str, ...]:
        """Of the curves."""
        return tuple(curve.name for curve in self.curves)

    def _numbers(self) -> tuple[Iterable[str], Iterable[Iterable[Cell]]]:
        wide = any(curve.low for curve in self.curves)
        columns = ["curve", self.x_axis, self.y_axis, *(["low", "high"] if wide else [])]
        rows: list[Iterable[Cell]] = []
        for curve in self.curves:
            ends: list[Numbers] = [curve.low, curve.high] if wide else []
            for point in zip_longest(curve.x, curve.y, *ends):
                rows.append((curve.name, *point))
        return columns, rows


@dataclass(frozen=True)
class Spread:
    """For each label the 5th, 25th, 50th, 75th and 95th of a hundred, or None, and how many values there were."""

    name: str
    quantiles: tuple[tuple[float, float, float, float, float] | None, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Spreads(Plot):
    """How values are spread, for each label and series.

    Attributes:
        labels: n names.
        series: each with n spreads.
        label_axis, axis: what labels and values are.
    """

    labels: tuple[str, ...]
    series: tuple[Spread, ...]
    label_axis: str
    axis: str

    def names(self) -> tuple[str, ...]:
        """Of the series."""
        return tuple(one.name for one in self.series)

    def _numbers(self) -> tuple[Iterable[str], Iterable[Iterable[Cell]]]:
        rows: list[Iterable[Cell]] = []
        for place, label in enumerate(self.labels):
            for one in self.series:
                there = one.quantiles[place] or (None,) * 5
                rows.append((label, one.name, one.counts[place], *there))
        return (self.label_axis, "of", "number", "5 %", "25 %", "median", "75 %", "95 %"), rows


@dataclass(frozen=True, kw_only=True)
class Counts(Plot):
    """A histogram: how many values of each series fall between two edges, piled up.

    Attributes:
        edges: n + 1 rising numbers.
        series: each with n counts.
        axis: what is counted.
        threshold: marked by a line.
        tails: values outside the edges are counted in the first and last bin.
    """

    edges: Numbers
    series: tuple[Series, ...]
    axis: str
    threshold: float | None = None
    tails: bool = False

    def names(self) -> tuple[str, ...]:
        """Of the series."""
        return tuple(one.name for one in self.series)

    def _numbers(self) -> tuple[Iterable[str], Iterable[Iterable[Cell]]]:
        whole = [[int(value) for value in one.values] for one in self.series]
        return ("from", "below", *self.names()), zip(self.edges[:-1], self.edges[1:], *whole, strict=True)


@dataclass(frozen=True)
class Point:
    """A named point; those of one group look alike."""

    name: str
    x: float
    y: float
    group: str = ""


@dataclass(frozen=True, kw_only=True)
class Points(Plot):
    """Named points: one property against another."""

    points: tuple[Point, ...]
    x_axis: str
    y_axis: str

    def names(self) -> tuple[str, ...]:
        """Of the groups."""
        groups = tuple(dict.fromkeys(point.group for point in self.points))
        return () if groups == ("",) else groups

    def _numbers(self) -> tuple[Iterable[str], Iterable[Iterable[Cell]]]:
        grouped = bool(self.names())
        rows: list[Iterable[Cell]] = [
            (*([point.group] if grouped else []), point.name, point.x, point.y) for point in self.points
        ]
        return (*(["run"] if grouped else []), "method", self.x_axis, self.y_axis), rows
