"""Writing runs and qrels."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc

from xret.artifact import atomic_file
from xret.errors import EvalError
from xret.mapped import write_evenly
from xret.packed import packing, written
from xret.runs.columns import Format, format_of
from xret.runs.order import ordered

__all__ = ["Format", "write_qrels", "write_run"]


def write_run(run: pa.Table, target: str | Path | IO[Any], *, format: Format | None = None, tag: str = "xret") -> None:
    """Write a run; TREC text keeps `qid, docid, rank, score, tag`, the other formats every column.

    Args:
        run: `qid, docid, score`; `rank` is made in trec_eval's order and `tag` filled in where absent.
        target: a path (written atomically; ``.gz`` and ``.zst`` are packed) or an open stream.
        format: default: by the name's suffix, else ``"trec"``.
        tag: the name of the run when the table has none.

    Raises:
        EvalError: TREC text asked for, and an id that it cannot hold (empty or with a blank); Parquet or Arrow under a
            packed name.
    """
    if "rank" not in run.column_names:
        run = ordered(run)
    if "tag" not in run.column_names:
        run = run.append_column("tag", pa.array([tag] * run.num_rows, pa.string()))
    _write(run, ("qid", "'Q0'", "docid", "rank", "score", "tag"), target, format)


def write_qrels(qrels: pa.Table, target: str | Path | IO[Any], *, format: Format | None = None) -> None:
    """Write judgements `qid, docid, relevance`; arguments and errors as for `write_run`."""
    _write(qrels, ("qid", "'0'", "docid", "relevance"), target, format)


def _write(table: pa.Table, fields: tuple[str, ...], target: str | Path | IO[Any], format: Format | None) -> None:
    if not isinstance(target, str | Path):
        data = _render(table, fields, format or "trec")
        text = isinstance(target, io.TextIOBase)
        target.write(data.decode() if text and format not in ("parquet", "arrow") else data)
        return
    path = Path(target)
    format = format or format_of(path)
    if format in ("parquet", "arrow") and packing(path):
        raise EvalError(f"{path}: {format.title()} files are not packed; leave out '{path.suffix}'")
    data = _render(table, fields, format)
    with atomic_file(path) as temporary, written(temporary, packing(path)) as stream:
        stream.write(data)


def _render(table: pa.Table, fields: tuple[str, ...], format: Format) -> bytes:
    if format in ("parquet", "arrow"):
        write_evenly(table, buffer := io.BytesIO(), parquet=format == "parquet")
        return buffer.getvalue()
    return _trec(table, fields) if format == "trec" else _jsonl(table)


def _trec(table: pa.Table, fields: tuple[str, ...]) -> bytes:
    if table.num_rows == 0:
        return b""
    columns = [pa.scalar(field.strip("'")) if "'" in field else _word(table, field) for field in fields]
    lines = pc.binary_join_element_wise(*columns, " ")
    return ("\n".join(lines.to_pylist()) + "\n").encode()


def _word(table: pa.Table, field: str) -> pa.ChunkedArray:
    column = table[field].cast(pa.string())
    bad = pc.match_substring_regex(column, r"^#?$|[\t\n\v\f\r ]")
    if pc.any(bad).as_py():
        value = column.filter(bad)[0]
        raise EvalError(
            f"{field} '{value}' cannot stand in TREC text, whose fields end at a blank; write jsonl or parquet"
        )
    return column


def _jsonl(table: pa.Table) -> bytes:
    import json

    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table.to_pylist()).encode()
