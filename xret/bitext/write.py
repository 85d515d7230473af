"""Writing sentence pairs: the same table gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from xret.artifact import atomic_file
from xret.bitext.columns import PAIR_COLUMNS, Format, format_of
from xret.errors import InputError
from xret.packed import packing, written

__all__ = ["write_pairs"]

ROWS = 1 << 15  # rows turned into text at once


def write_pairs(pairs: pa.Table, target: str | Path | IO[bytes], *, format: Format | None = None) -> None:
    """Write a table of pairs, rows in the order they have.

    TSV holds ``score src_id tgt_id src_text tgt_text`` without a header; tabs and line breaks inside a text become
    spaces. JSONL and Parquet hold every column and every character. Scores are written with the fewest digits that
    read back as the same number.

    Args:
        pairs: `score, src_id, tgt_id, src_text, tgt_text` and any others.
        target: a path (written atomically; text is packed when it ends in ``.gz`` or ``.zst``) or a binary stream.
        format: default: by the suffix of the path, else ``"tsv"``.

    Raises:
        InputError: an id holds a tab or a line break and cannot stand in TSV; Parquet under a packed name; the path
            cannot be written.
    """
    if not isinstance(target, str | Path):
        _write(pairs, target, format or "tsv")
        return
    path = Path(target)
    format = format or format_of(path)
    if format == "parquet" and packing(path):
        raise InputError(f"{path}: Parquet is compressed inside; leave out '{path.suffix}'")
    with atomic_file(path) as temporary, written(temporary, packing(path)) as stream:
        _write(pairs, stream, format)


def _write(pairs: pa.Table, stream: IO[bytes], format: Format) -> None:
    if format == "parquet":
        pyarrow.parquet.write_table(pairs, stream)
        return
    for start in range(0, pairs.num_rows, ROWS):
        rows = pairs.slice(start, ROWS)
        lines = _tsv(rows) if format == "tsv" else _jsonl(rows)
        stream.write("".join(line + "\n" for line in lines).encode())


def _tsv(rows: pa.Table) -> Iterator[str]:
    scores = ("" if score is None else repr(score) for score in rows["score"].to_pylist())
    ids = [_id(rows, name) for name in PAIR_COLUMNS[1:3]]
    texts = [pc.replace_substring_regex(rows[name], r"[\t\n\r]", " ").to_pylist() for name in PAIR_COLUMNS[3:]]
    return ("\t".join(cells) for cells in zip(scores, *ids, *texts, strict=True))


def _id(rows: pa.Table, name: str) -> list[str]:
    bad = pc.match_substring_regex(rows[name], r"[\t\n\r]")
    if pc.any(bad).as_py():
        found = rows[name].filter(bad)[0].as_py()
        raise InputError(
            f"{name} {found!r} holds a tab or a line break and cannot stand in TSV; write JSONL or Parquet"
        )
    values: list[str] = rows[name].to_pylist()
    return values


def _jsonl(rows: pa.Table) -> Iterator[str]:
    columns = {name: _plain(rows[name]) for name in rows.column_names}
    for row in zip(*columns.values(), strict=True):
        yield json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False)


def _plain(column: pa.ChunkedArray) -> list[Any]:
    """Python values; float32 as the shortest number that is it: 0.9, not 0.8999999761581421."""
    values: list[Any] = column.to_pylist()
    if pa.types.is_float32(column.type):
        return [None if value is None else float(str(np.float32(value))) for value in values]
    return values
