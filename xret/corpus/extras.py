"""The columns of a corpus beyond id, text and lang: one schema for the whole of it, though rows are read in blocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from xret.corpus.rows import CORE, Rows
from xret.errors import CorpusError

__all__ = ["Drift", "Extras", "widen"]

MOST = 1000  # columns; a file with more has values where names should be
_REMEDY = "open_corpus and import_corpus look at all rows first"


class Drift(CorpusError):
    """A later row brings a column, or a type, that the first rows did not have; a second look at the file mends it."""


class Extras:
    """Names and types of the further columns; fixed by the first rows unless `grow` is called for all rows first."""

    def __init__(self) -> None:
        """No columns, and still open."""
        self.types: dict[str, pa.DataType] = {}
        self.fixed = False

    def grow(self, rows: Iterable[Rows]) -> None:
        """Look through rows and make room for all their columns; then fix them."""
        for block in rows:
            for name, column in block.columns.items():
                if name not in CORE:
                    self._admit(name, column.type, block)
        self.fixed = True

    def arrange(self, rows: Rows) -> list[pa.Array]:
        """The rows' further columns in the order and with the types of all; nulls where there is none.

        Raises:
            Drift: they do not fit what the first rows had.
        """
        for name, column in rows.columns.items():
            if name in CORE:
                continue
            if not self.fixed:
                self._admit(name, column.type, rows)
            elif name not in self.types:
                raise Drift(_drift(rows, f"column '{name}' first appears in this part of the file; {_REMEDY}"))
            elif widen(self.types[name], column.type) != self.types[name]:
                changed = f"column '{name}' changes from {self.types[name]} to {column.type}"
                raise Drift(_drift(rows, f"{changed}; {_REMEDY}"))
        self.fixed = True
        found = rows.columns
        return [
            found[name].cast(_stored(type_)) if name in found else pa.nulls(len(rows.numbers), _stored(type_))
            for name, type_ in self.types.items()
        ]

    def fields(self) -> list[pa.Field]:
        """Arrow fields in order."""
        return [pa.field(name, _stored(type_)) for name, type_ in self.types.items()]

    def _admit(self, name: str, type_: pa.DataType, rows: Rows) -> None:
        before = self.types.get(name, pa.null())
        wider = widen(before, type_)
        if wider is None:
            raise CorpusError(_drift(rows, f"column '{name}' is {type_} here and {before} before; give it one type"))
        self.types[name] = wider
        if len(self.types) > MOST:
            raise CorpusError(
                _drift(rows, f"more than {MOST} columns by now; put what varies into one object, 'metadata'")
            )


def widen(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """The narrowest type that holds both, or None: null < anything, int64 < double, and JSON's scalars < string."""
    if one == other or other == pa.null():
        return one
    if one == pa.null():
        return other
    both: Sequence[pa.DataType] = (one, other)
    if all(type_ in (pa.int64(), pa.float64()) for type_ in both):
        return pa.float64()
    if all(type_ in (pa.bool_(), pa.int64(), pa.float64(), pa.string()) for type_ in both):
        return pa.string()
    return None


def _stored(type_: pa.DataType) -> pa.DataType:
    return pa.string() if type_ == pa.null() else type_


def _drift(rows: Rows, message: str) -> str:
    return f"{rows.faults.place.replace('{}', str(rows.numbers[0]))}: {message}"
