"""Text and JSON lines to Arrow columns of strings, with the line number of every row found when an error needs it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from xret.errors import EvalError
from xret.packed import existing, label_of, read_bytes
from xret.runs.columns import Format, format_of

__all__ = ["Rows", "read_rows"]


@dataclass(frozen=True, eq=False)
class Rows:
    """Columns as they stand in a file (strings from text), and `where(row)`: ``"file:line"`` of a row for messages."""

    table: pa.Table
    where: Callable[[int], str]


def read_rows(source: str | Path, *, fields: Sequence[str], needed: Sequence[str], what: str) -> Rows:
    """The rows of a TREC text, ``.jsonl``, ``.parquet`` or ``.arrow`` file (text also ``.gz``, ``.zst``; ``-``: stdin).

    Args:
        source: the file.
        fields: the fields of a line of TREC text, in order.
        needed: the columns that must be there.
        what: what the file should be, for messages, e.g. ``"a TREC run"``.

    Raises:
        EvalError: no such file, an empty file, a malformed line or a missing column.
    """
    name, format = label_of(source), format_of(source)
    if format in ("parquet", "arrow"):
        path = existing(source, what=what, error=EvalError)
        rows = Rows(_columnar(path, format), lambda row: f"{name}: row {row + 1}")
    else:
        data = read_bytes(source, what=what, error=EvalError)
        rows = _jsonl(name, data, needed) if format == "jsonl" else _text(name, data, fields)
    missing = [field for field in needed if field not in rows.table.column_names]
    if missing:
        raise EvalError(f"{name}: has no column '{missing[0]}'; wanted {what} with the columns {', '.join(needed)}")
    if rows.table.num_rows == 0:
        raise EvalError(f"{name}: is empty; wanted {what} with the fields {', '.join(fields)}")
    return rows


def _columnar(path: Path, format: Format) -> pa.Table:
    try:
        if format == "parquet":
            return pa.parquet.read_table(path)
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as reader:
            return reader.read_all()
    except (pa.ArrowException, OSError) as error:
        raise EvalError(f"{path}: is not a readable {format} file ({error}); it may be truncated") from error


def _text(name: str, data: bytes, fields: Sequence[str]) -> Rows:
    def where(row: int) -> str:
        return f"{name}:{_line_of(data, row)}"

    for delimiter in (b"\t", b" "):
        if delimiter in data[: data.find(b"\n") if b"\n" in data else None]:
            table = _regular(data, delimiter.decode(), fields)
            return Rows(table if table is not None else _irregular(name, data, fields), where)
    return Rows(_irregular(name, data, fields), where)


def _regular(data: bytes, delimiter: str, fields: Sequence[str]) -> pa.Table | None:
    """The fast way, for lines with one delimiter between fields; None when any line needs a closer look."""
    try:
        table = pa.csv.read_csv(
            io.BytesIO(data),
            pa.csv.ReadOptions(column_names=list(fields)),
            pa.csv.ParseOptions(delimiter=delimiter, quote_char=False),
            pa.csv.ConvertOptions(column_types={field: pa.string() for field in fields}, strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    for field in fields:
        if pc.any(pc.match_substring_regex(table[field], r"^#?$|[\t\n\v\f\r ]")).as_py():
            return None
    return table


def _irregular(name: str, data: bytes, fields: Sequence[str]) -> pa.Table:
    """The careful way: any whitespace between fields, comments left out, and the first bad line named."""
    columns: list[list[str]] = [[] for _ in fields]
    for number, raw in _content(data):
        try:
            values = [value.decode() for value in raw]
        except UnicodeDecodeError as error:
            raise EvalError(
                f"{name}:{number}: is not valid UTF-8 ({error.reason}); convert the file to UTF-8"
            ) from error
        if len(values) != len(fields):
            raise EvalError(f"{name}:{number}: has {len(values)} fields, wanted {len(fields)}: {' '.join(fields)}")
        for column, value in zip(columns, values, strict=True):
            column.append(value)
    return pa.table({field: pa.array(column, pa.string()) for field, column in zip(fields, columns, strict=True)})


def _content(data: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Number (from 1) and fields of the lines that are neither blank nor a comment (a first field ``#``)."""
    for number, line in enumerate(data.split(b"\n"), 1):
        values = line.split()
        if values and values[0] != b"#":
            yield number, values


def _line_of(data: bytes, row: int) -> int:
    return next(number for index, (number, _) in enumerate(_content(data)) if index == row)


def _jsonl(name: str, data: bytes, needed: Sequence[str]) -> Rows:
    lines: list[int] = []
    records: list[dict[str, Any]] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise EvalError(f"{name}:{number}: is not JSON ({error})") from error
        missing = [field for field in needed if not isinstance(record, dict) or record.get(field) is None]
        if missing:
            raise EvalError(f"{name}:{number}: has no '{missing[0]}'; wanted an object with {', '.join(needed)}")
        lines.append(number)
        records.append(record)
    columns = {
        field: pa.array([_plain(record.get(field)) for record in records], pa.string()) for field in _keys(records)
    }
    return Rows(pa.table(columns), lambda row: f"{name}:{lines[row]}")


def _keys(records: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for record in records for key in record))


def _plain(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
