"""Judgement files: TREC's four fields, BEIR's three with a header, and MTEB's as JSON lines or Parquet."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import EvalError
from xret.eval.benchmarks.lines import records, tsv_blocks, value_of
from xret.packed import plain_suffix, read_bytes
from xret.runs import read_qrels
from xret.runs.codes import pair_codes
from xret.runs.read import QRELS_FIELDS
from xret.runs.rows import read_rows

__all__ = ["read_labels", "united"]

QUERY = ("query-id", "query_id", "qid")
DOCUMENT = ("corpus-id", "corpus_id", "docid", "doc_id")
LABEL = ("score", "relevance", "label")


def read_labels(path: Path, *, iteration: str | None = None) -> pa.Table:
    """Judgements of any of these layouts; text also .gz and .zst.

    Args:
        path: the file.
        iteration: keep the lines whose second field is this, as NeuCLIR tells languages (TREC text only).

    Returns:
        `qid, docid, relevance: int32`.

    Raises:
        EvalError: another layout, a malformed line, a pair judged twice; says which.
    """
    suffix = plain_suffix(path)
    if suffix in (".parquet", ".pq"):
        return _parquet(path)
    start = read_bytes(path, what="qrels", error=EvalError)[:200].decode("utf-8", "replace")
    if suffix in (".jsonl", ".ndjson") or start.startswith("{"):
        rows = [(place, tuple(value_of(value, names, place) for names in (QUERY, DOCUMENT, LABEL)))
                for place, value in records(path)]  # fmt: skip
        return _typed(rows, path)
    first = start.partition("\n")[0].split("\t")
    if first[0].strip() in QUERY and len(first) == 3:
        return _typed(_beir(path, first[0]), path)
    if iteration is None:
        return read_qrels(path)
    return _of_iteration(path, iteration)


def united(tables: list[pa.Table]) -> pa.Table:
    """Judgements of several files together, as of several languages' documents for the same topics.

    Raises:
        EvalError: a pair is judged in two of them.
    """
    table = pa.concat_tables(tables)
    code = pair_codes(table["qid"], table["docid"])
    if len(pc.unique(pa.array(code))) < len(code):
        counts = pc.value_counts(pa.array(code)).to_pylist()
        again = next(each["values"] for each in counts if each["counts"] > 1)
        row = int((code == again).argmax())
        raise EvalError(f"document '{table['docid'][row]}' is judged twice for query '{table['qid'][row]}'; keep one")
    return table


def _beir(path: Path, header: str) -> list[tuple[str, tuple[str, ...]]]:
    return [
        (f"{path}:{number}", tuple(row))
        for numbers, rows in tsv_blocks(path, 3, header=header)
        for number, row in zip(numbers, rows, strict=True)
    ]


def _typed(rows: list[tuple[str, tuple[str, ...]]], path: Path) -> pa.Table:
    if not rows:
        raise EvalError(f"{path}: is empty; wanted judgements")
    labels = []
    for place, row in rows:
        try:
            value = float(row[2])
        except ValueError:
            value = 0.5
        if value != int(value):
            raise EvalError(f"{place}: relevance is '{row[2]}', wanted a whole number")
        labels.append(int(value))
    columns = [[row[column] for _, row in rows] for column in (0, 1)]
    arrays = [pa.array(column, pa.string()) for column in columns]
    table = pa.table({"qid": arrays[0], "docid": arrays[1], "relevance": pa.array(labels, pa.int32())})
    try:
        return united([table])
    except EvalError as error:
        raise EvalError(f"{path}: {error}") from error


def _parquet(path: Path) -> pa.Table:
    rows = read_rows(path, fields=QRELS_FIELDS, needed=(), what="qrels").table
    names = []
    for wanted in (QUERY, DOCUMENT, LABEL):
        found = [name for name in wanted if name in rows.column_names]
        if not found:
            raise EvalError(f"{path}: has no column '{wanted[0]}'; found: {', '.join(rows.column_names)}")
        names.append(found[0])
    plain = zip(*(map(str, rows[name].to_pylist()) for name in names), strict=True)
    return _typed([(f"{path}: row {number}", row) for number, row in enumerate(plain, 1)], path)


def _of_iteration(path: Path, iteration: str) -> pa.Table:
    rows = read_rows(path, fields=QRELS_FIELDS, needed=("qid", "docid", "relevance"), what="qrels").table
    chosen = rows.filter(pc.equal(rows["iter"], iteration))
    if not chosen.num_rows:
        found = ", ".join(map(str, pc.unique(rows["iter"])[:5].to_pylist()))
        raise EvalError(f"{path}: no line has '{iteration}' as its second field; found: {found}")
    columns = [chosen[name].to_pylist() for name in ("qid", "docid", "relevance")]
    return _typed([(str(path), row) for row in zip(*columns, strict=True)], path)
