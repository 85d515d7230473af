"""Reading sentence pairs and gold pairs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from xret.bitext.columns import PAIR_COLUMNS
from xret.bitext.files import PairFile, read_file
from xret.errors import EvalError, InputError

__all__ = ["read_gold", "read_pairs"]

GOLD_COLUMNS = PAIR_COLUMNS[1:3]
UNSCORED = (PAIR_COLUMNS, ("score", "src_text", "tgt_text"), ("src_text", "tgt_text"))  # the layouts of TSV by width


def read_pairs(source: str | Path, *, scored: bool = True) -> pa.Table:
    """Sentence pairs from TSV, ``.jsonl``, ``.parquet`` or ``.tmx``; text also packed; ``-`` is stdin (TSV).

    Args:
        source: the file. TSV lines are ``score src_id tgt_id src_text tgt_text``; a first line with these very names
            is skipped.
        scored: False also takes pairs without score or ids: TSV of ``score src_text tgt_text`` or ``src_text
            tgt_text``, JSONL and Parquet without those columns, no score in a row. Missing ids are line numbers,
            missing scores null.

    Returns:
        `score: float64, src_id, tgt_id, src_text, tgt_text: string`, then what else JSONL or Parquet holds; rows as in
        the file, possibly none.

    Raises:
        InputError: no such file, not UTF-8, a line of another width, a score that is no finite number, a missing text;
            names file and line.
    """
    layouts = (PAIR_COLUMNS,) if scored else UNSCORED
    needed = PAIR_COLUMNS if scored else PAIR_COLUMNS[3:]
    file = read_file(source, layouts, needed, InputError, "pairs")
    columns = {"score": _scores(file, scored)}
    numbers = pa.chunked_array([pa.array([str(n) for n in range(1, file.table.num_rows + 1)], pa.string())])
    for name in PAIR_COLUMNS[1:]:
        columns[name] = _strings(file, name) if name in file.table.column_names else numbers
    columns |= {name: file.table[name] for name in file.table.column_names if name not in columns}
    return pa.table(columns)


def read_gold(source: str | Path) -> pa.Table:
    """Gold pairs from TSV lines ``src_id tgt_id``, or from JSONL or Parquet with these names; packed or not.

    Returns:
        `src_id, tgt_id: string`, rows as in the file.

    Raises:
        EvalError: no such file, no pairs in it, not UTF-8, or a line of another width; names file and line.
    """
    file = read_file(source, (GOLD_COLUMNS,), GOLD_COLUMNS, EvalError, "gold pairs")
    if not file.table.num_rows:
        raise EvalError(f"{file.label}: is empty; wanted lines of src_id<TAB>tgt_id")
    return pa.table({name: _strings(file, name) for name in GOLD_COLUMNS})


def _scores(file: PairFile, scored: bool) -> pa.ChunkedArray:
    if "score" not in file.table.column_names:
        return pa.chunked_array([pa.nulls(file.table.num_rows, pa.float64())])
    scores: list[float | None] = []
    for row, value in enumerate(_values(file.table["score"])):
        if value in (None, "") and not scored:
            scores.append(None)
            continue
        try:
            score = float(value)
        except (TypeError, ValueError) as problem:
            raise file.fail(row, f"score is '{value}', wanted a number") from problem
        if not math.isfinite(score):
            raise file.fail(row, f"score is {value}, wanted a finite number")
        scores.append(score)
    return pa.chunked_array([pa.array(scores, pa.float64())])


def _values(column: pa.ChunkedArray) -> Iterator[Any]:
    for chunk in column.chunks:
        yield from chunk.to_pylist()


def _strings(file: PairFile, name: str) -> pa.ChunkedArray:
    column = file.table[name]
    if not (
        pa.types.is_string(column.type) or pa.types.is_large_string(column.type) or pa.types.is_integer(column.type)
    ):
        raise file.error(f"{file.label}: '{name}' is {column.type}, wanted text")
    bad = pc.equal(pc.fill_null(column.cast(pa.string()), ""), "")
    row = pc.index(bad, True).as_py()
    if row >= 0:
        raise file.fail(row, f"{name} is empty; wanted text")
    return column.cast(pa.string())
