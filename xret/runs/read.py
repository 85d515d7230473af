"""Reading and checking runs and qrels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import EvalError
from xret.packed import label_of
from xret.runs.checks import refuse_labels, warn_of_ranks
from xret.runs.codes import pair_codes
from xret.runs.columns import known_columns
from xret.runs.order import ordered
from xret.runs.rows import Rows, read_rows

__all__ = ["QRELS_FIELDS", "RUN_FIELDS", "read_judgements", "read_qrels", "read_run"]

RUN_FIELDS = ("qid", "Q0", "docid", "rank", "score", "tag")
QRELS_FIELDS = ("qid", "iter", "docid", "relevance")


def read_run(source: str | Path) -> pa.Table:
    """A run from TREC text (``qid Q0 docid rank score tag``), ``.jsonl``, ``.parquet`` or ``.arrow``; text also packed.

    Returns:
        `qid, docid, score: float64, rank: int32, tag` and further columns of the file, rows in trec_eval's order
        whatever the file's ranks say, queries in order of first appearance. Ids are strings, and so are `qlang, dlang,
        text`.

    Raises:
        EvalError: no such file, nothing in it, a wrong number of fields, a score that is no number, a document twice
            for one query; names file and line.
    """
    rows = read_rows(source, fields=RUN_FIELDS, needed=("qid", "docid", "score"), what="a run")
    score = _numbers(rows, "score", pa.float64(), float, "a number")
    _refuse_nan(rows, score)
    columns = {"qid": _ids(rows, "qid"), "docid": _ids(rows, "docid"), "score": score}
    _refuse_twice(rows, columns["qid"], columns["docid"])
    if "rank" in rows.table.column_names:
        warn_of_ranks(label_of(source), pa.table(columns), rows.table["rank"])
    further = rows.table.select([name for name in rows.table.column_names if name not in RUN_FIELDS[:5]])
    known = known_columns(further, label=label_of(source))
    columns["tag"] = known["tag"] if "tag" in known.column_names else pa.array(["run"] * len(score), pa.string())
    columns |= {
        name: known[name] if name in known.column_names else further[name]
        for name in further.column_names
        if name != "tag"
    }
    table = ordered(pa.table(columns))
    return table.select(["qid", "docid", "score", "rank", *list(columns)[3:]])


def read_qrels(source: str | Path) -> pa.Table:
    """Judgements from TREC text (``qid iter docid relevance``), ``.jsonl``, ``.parquet``, ``.arrow``; text also packed.

    Returns:
        `qid, docid, relevance: int32`, rows as in the file.

    Raises:
        EvalError: no such file, nothing in it, a wrong number of fields, a relevance that is no whole number, a
            document judged twice for one query, a relevance that cannot be a label; names file and line.
    """
    return read_judgements(source)


def read_judgements(source: str | Path, *, subtopics: bool = False) -> pa.Table:
    """`read_qrels`; with `subtopics` the second field is one (TREC's diversity judgements): a column more."""
    names = ("qid", "subtopic") if subtopics else ("qid",)
    fields = ("qid", "subtopic", "docid", "relevance") if subtopics else QRELS_FIELDS
    rows = read_rows(source, fields=fields, needed=(*names, "docid", "relevance"), what="qrels")
    relevance = _numbers(rows, "relevance", pa.int32(), int, "a whole number")
    refuse_labels(rows, relevance)
    columns = {name: _ids(rows, name) for name in (*names, "docid")}
    _refuse_twice(rows, pc.binary_join_element_wise(*(columns[name] for name in names), " / "), columns["docid"])
    return pa.table({**columns, "relevance": relevance})


def _numbers(rows: Rows, name: str, wanted: pa.DataType, parse: Callable[[str], Any], what: str) -> pa.ChunkedArray:
    column = rows.table[name]
    try:
        if column.null_count == 0:
            return column.cast(wanted)
    except pa.ArrowException:
        pass  # Arrow is stricter than C (no "+1"), and names no row: look again, one by one
    values = []
    for row, value in enumerate(column.to_pylist()):
        try:
            text = str(value)
            if "_" in text:
                raise ValueError(text)
            values.append(pa.scalar(parse(text), wanted).as_py())
        except (ValueError, OverflowError, pa.ArrowException) as error:
            raise EvalError(f"{rows.where(row)}: {name} is '{value}', wanted {what}") from error
    return pa.chunked_array([pa.array(values, wanted)])


def _ids(rows: Rows, name: str) -> pa.ChunkedArray:
    column = rows.table[name]
    if column.null_count:
        row = pc.index(column.is_null(), True).as_py()
        raise EvalError(f"{rows.where(row)}: {name} is missing")
    try:
        return column.cast(pa.string())
    except pa.ArrowException as error:
        raise EvalError(f"{rows.where(0)}: {name} is {column.type}, wanted text") from error


def _refuse_nan(rows: Rows, score: pa.ChunkedArray) -> None:
    row = pc.index(pc.is_nan(score), True).as_py()
    if row >= 0:
        raise EvalError(f"{rows.where(row)}: score is NaN, which has no place in an order; mend what made the run")


def _refuse_twice(rows: Rows, qid: pa.ChunkedArray, docid: pa.ChunkedArray) -> None:
    code = pair_codes(qid, docid)
    order = np.argsort(code, kind="stable")
    again = order[1:][code[order[1:]] == code[order[:-1]]]
    if len(again):
        row = int(again.min())
        first = int(np.flatnonzero(code == code[row])[0])
        raise EvalError(
            f"{rows.where(row)}: document '{docid[row]}' stands twice for query '{qid[row]}' "
            f"(first at {rows.where(first)}); keep one of the two"
        )
