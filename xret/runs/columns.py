"""The columns of a run and their types, and formats by the name of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pyarrow as pa

from xret.errors import EvalError
from xret.packed import plain_suffix

__all__ = ["RUN_TYPES", "Format", "format_of", "known_columns"]

Format = Literal["trec", "jsonl", "parquet", "arrow"]
SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
RUN_TYPES = {
    "qid": pa.string(),
    "docid": pa.string(),
    "score": pa.float64(),
    "rank": pa.int32(),
    "tag": pa.string(),
    "qlang": pa.string(),
    "dlang": pa.string(),
    "text": pa.string(),
}


def format_of(path: str | Path) -> Format:
    """By the suffix (before ``.gz`` or ``.zst``), in upper or lower case; ``trec`` for all others."""
    return SUFFIXES.get(plain_suffix(path), "trec")


def known_columns(run: pa.Table, *, label: str = "run") -> pa.Table:
    """The columns of `RUN_TYPES` that a run has, in the order and with the types given there; others are left out.

    Args:
        run: any table.
        label: what it is called in messages.

    Raises:
        EvalError: a column's values are not of its type.
    """
    columns = {}
    for name, wanted in RUN_TYPES.items():
        if name in run.column_names:
            try:
                columns[name] = run[name].cast(wanted)
            except pa.ArrowException as error:
                raise EvalError(
                    f"{label}: column '{name}' is {run[name].type}, wanted {wanted}; convert or drop it"
                ) from error
    return pa.table(columns)
