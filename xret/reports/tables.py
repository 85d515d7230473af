"""A table of a report, and how its cells are spelled."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Cell", "Table", "cell_text"]

Cell = str | int | float | None
SHORT = 18  # letters that stand on one line


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under a header.

    Attributes:
        title: says what it shows.
        columns: c names.
        rows: of c cells each; None and NaN mean that there is no value.
        digits: of numbers with a point.
        heads: so many first cells of a row say what the row is about.
        best: columns of which a value is set off, and that to which it is the nearest: infinity for the greatest.
        own: rows that are set off among others.
        note: what one has to know to read it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    digits: int = 4
    heads: int = 1
    best: Mapping[str, float] = field(default_factory=dict)
    own: tuple[int, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse rows of another length."""
        wrong = next((row for row in self.rows if len(row) != len(self.columns)), None)
        if wrong is not None:
            raise ValueError(f"table '{self.title}': {len(self.columns)} columns, but a row has {len(wrong)} cells")

    def numeric(self, column: int) -> bool:
        """Whether all the values of a column are numbers, of which there is one."""
        cells = [row[column] for row in self.rows if row[column] is not None]
        return bool(cells) and not any(isinstance(cell, str) for cell in cells)

    def texts(self) -> list[list[str]]:
        """The cells as they are shown."""
        return [[cell_text(cell, digits=self.digits) for cell in row] for row in self.rows]

    def wordy(self, column: int) -> bool:
        """Whether a column has texts that are worth a break."""
        return any(isinstance(row[column], str) and len(str(row[column])) > SHORT for row in self.rows)

    def leading(self) -> set[tuple[int, int]]:
        """(row, column) of what is set off: as shown, nothing in its column is better, and something is worse."""
        found = set()
        for column, name in enumerate(self.columns):
            if name in self.best and self.numeric(column):
                shown = {row: round(value, self.digits) for row, value in self._values(column).items()}
                off = {row: round(_distance(value, self.best[name]), self.digits) for row, value in shown.items()}
                if len(set(off.values())) > 1:
                    found |= {(row, column) for row, value in off.items() if value == min(off.values())}
        return found

    def _values(self, column: int) -> dict[int, float]:
        cells = ((row, cells[column]) for row, cells in enumerate(self.rows))
        return {row: float(cell) for row, cell in cells if isinstance(cell, int | float) and not math.isnan(cell)}


def _distance(value: float, ideal: float) -> float:
    return abs(value - ideal) if math.isfinite(ideal) else math.copysign(1, ideal) * -value


def cell_text(cell: Cell, *, digits: int = 4) -> str:
    """As shown: a number with so many digits behind the point, a count with commas, a dash where there is nothing."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "–"
    if isinstance(cell, float):
        return f"{round(cell, digits) + 0.0:.{digits}f}"  # + 0.0: no minus before zero
    return f"{cell:,}" if isinstance(cell, int) else cell
