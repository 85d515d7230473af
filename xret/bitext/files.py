"""From a file to its columns as text and numbers, with a name for every row in messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from xret.bitext.columns import format_of
from xret.bitext.read_tmx import read_tmx
from xret.errors import InputError
from xret.packed import existing, label_of, read_bytes

__all__ = ["PairFile", "read_file"]

ROW_NAMES = {"parquet": ": row {}", "tmx": ": unit {}"}  # of formats without lines that matter


@dataclass(frozen=True)
class PairFile:
    """The columns of a file as they stand there, and how to name a row of it."""

    label: str
    table: pa.Table
    place: str  # "pairs.tsv:{}", "pairs.parquet: row {}" or "pairs.tmx: unit {}"
    first: int  # the number of the first row
    error: type[InputError]

    def fail(self, row: int, problem: str) -> InputError:
        """The error to raise about row `row`, counted from 0."""
        return self.error(f"{self.place.format(row + self.first)}: {problem}")


def read_file(
    source: str | Path, layouts: Sequence[Sequence[str]], needed: Sequence[str], error: type[InputError], what: str
) -> PairFile:
    """Read TSV, JSONL, Parquet or TMX.

    Args:
        source: the file, or ``-`` for TSV on stdin.
        layouts: the column names that a TSV file may have, told apart by their number.
        needed: columns that must be there.
        error: the class of errors to raise.
        what: what the file should hold, for messages.
    """
    label, format = label_of(source), format_of(Path(source))  # "-" has no suffix: TSV
    wanted = f"{what} in TSV, JSONL, Parquet or TMX"
    place = label.replace("{", "{{").replace("}", "}}") + ROW_NAMES.get(format, ":{}")
    if format == "parquet":
        file = PairFile(label, _parquet(existing(source, what=wanted, error=error), error), place, 1, error)
    elif format == "tmx":
        table = read_tmx(read_bytes(source, what=wanted, error=error), label, place, error)
        file = PairFile(label, table, place, 1, error)
    elif format == "jsonl":
        lines = _lines(read_bytes(source, what=wanted, error=error), label, error)
        file = PairFile(label, _jsonl(lines, place, error), place, 1, error)
    else:
        lines = _lines(read_bytes(source, what=wanted, error=error), label, error)
        table, first = _tsv(lines, layouts, place, error)
        file = PairFile(label, table, place, first, error)
    missing = [name for name in needed if name not in file.table.column_names]
    if missing and (file.table.num_rows or format == "parquet"):
        raise error(f"{label}: {what} without '{missing[0]}'; found {', '.join(file.table.column_names)}")
    return file


def _lines(data: bytes, label: str, error: type[InputError]) -> list[str]:
    try:
        text = data.decode()
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise error(f"{label}:{line}: not UTF-8 ({problem.reason}); convert the file") from problem
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def _tsv(
    lines: list[str], layouts: Sequence[Sequence[str]], place: str, error: type[InputError]
) -> tuple[pa.Table, int]:
    """The columns of TSV lines, and the number of the first that is data."""
    by_width = {len(layout): tuple(layout) for layout in layouts}
    names = by_width.get(lines[0].count("\t") + 1, tuple(layouts[0])) if lines else tuple(layouts[0])
    first = 2 if lines and tuple(lines[0].split("\t")) == names else 1
    rows = []
    for number, line in enumerate(lines[first - 1 :], start=first):
        cells = line.split("\t")
        if len(cells) != len(names):
            wanted = " or ".join("<TAB>".join(layout) for layout in layouts) if number == 1 else "<TAB>".join(names)
            raise error(f"{place.format(number)}: found {len(cells)} columns, wanted {wanted}")
        rows.append(cells)
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return pa.table({name: pa.array(column, pa.string()) for name, column in zip(names, columns, strict=True)}), first


def _jsonl(lines: list[str], place: str, error: type[InputError]) -> pa.Table:
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
        except ValueError as problem:
            raise error(f"{place.format(number)}: not JSON ({problem})") from problem
        if not isinstance(row, dict):
            raise error(f"{place.format(number)}: found {type(row).__name__}, wanted an object")
        if _unpaired(row):
            raise error(f"{place.format(number)}: a name holds half a surrogate pair, which is no character")
        rows.append(row)
    columns = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _column(name, [row.get(name) for row in rows], place, error) for name in columns})


def _unpaired(names: Iterable[str]) -> bool:
    return any(not name.isascii() and re.search("[\ud800-\udfff]", name) for name in names)


_NO_COLUMN = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, UnicodeEncodeError, OverflowError)


def _column(name: str, values: list[Any], place: str, error: type[InputError]) -> pa.Array:
    try:
        return pa.array(values)
    except _NO_COLUMN as problem:
        for number, value in enumerate(values, start=1):
            try:
                pa.array([value])
            except _NO_COLUMN as reason:  # by itself, too: half a surrogate pair, a number of more than 64 bits
                said = f"{place.format(number)}: '{name}' cannot be kept ({reason})".splitlines()[0]
                raise error(said) from reason
        label = place.format("").rstrip(":")
        raise error(f"{label}: '{name}' holds values of several kinds ({problem})".splitlines()[0]) from problem


def _parquet(path: Path, error: type[InputError]) -> pa.Table:
    try:
        return pyarrow.parquet.read_table(path)
    except (pa.ArrowException, OSError) as problem:
        raise error(f"{path}: cannot be read as Parquet ({str(problem).splitlines()[0]})") from problem
