"""Writing result tables."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from xret.artifact import atomic_file
from xret.errors import EvalError

__all__ = ["write_table"]


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as ``.parquet``, ``.csv``, ``.jsonl`` or ``.tsv`` (with a header), by the name's suffix.

    Raises:
        EvalError: another suffix, or a value with a tab or a line end for ``.tsv``.
    """
    suffix = path.suffix.lower()
    if suffix not in (".parquet", ".csv", ".jsonl", ".tsv"):
        raise EvalError(f"{path}: unknown format '{path.suffix}'; wanted a name in .tsv, .csv, .jsonl or .parquet")
    with atomic_file(path) as temporary:
        if suffix == ".parquet":
            pa.parquet.write_table(table, temporary)
        elif suffix == ".csv":
            pa.csv.write_csv(table, temporary)
        else:
            temporary.write_text(_jsonl(table) if suffix == ".jsonl" else _tsv(table, path), encoding="utf-8")


def _jsonl(table: pa.Table) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table.to_pylist())


def _tsv(table: pa.Table, path: Path) -> str:
    lines = [table.column_names, *(list(map(str, row.values())) for row in table.to_pylist())]
    bad = next((cell for line in lines for cell in line if "\t" in cell or "\n" in cell), None)
    if bad is not None:
        raise EvalError(f"{path}: '{bad}' holds a tab or a line end, which TSV cannot; write .jsonl or .parquet")
    return "".join("\t".join(line) + "\n" for line in lines)
