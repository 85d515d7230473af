"""Results of a suite on disk, and read again.

results.json      a row for each system on each benchmark: means, by language, hashes of data, models and indexes
results.parquet   `system, benchmark, qid, lang, measure, value, topic`: every query
steps.json        each unit of work: what it did, from what, when, where and how long; no part of the results
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from xret.artifact import atomic_file, digest
from xret.errors import InputError
from xret.eval.protocols.scored import PER_QUERY, Scored

__all__ = ["Missing", "SuiteResults", "load_results", "save_results"]

FORMAT = "xret suite 1"
ROWS, QUERIES, STEPS = "results.json", "results.parquet", "steps.json"


@dataclass(frozen=True)
class Missing:
    """A system without a number on a benchmark, and why: it does not apply to it, or something failed."""

    system: str
    benchmark: str
    why: str


@dataclass(frozen=True, kw_only=True)
class SuiteResults:
    """What a suite came to.

    Attributes:
        title: of the suite.
        rows: by system, then benchmark, in the order of the suite.
        skipped: systems that do not apply to a benchmark.
        failed: what could not be computed.
        steps: what was done for all this, see `steps.json`.
    """

    title: str
    rows: Sequence[Scored]
    skipped: Sequence[Missing] = ()
    failed: Sequence[Missing] = ()
    steps: Sequence[dict[str, Any]] = ()

    @property
    def hash(self) -> str:
        """Content hash (64 hex characters) of all rows, whatever made them, where and when."""
        return digest(FORMAT, *(_content(row) for row in self.rows))

    @property
    def benchmarks(self) -> list[str]:
        """Benchmarks with a row, in order."""
        return list(dict.fromkeys(row.benchmark for row in self.rows))

    @property
    def systems(self) -> list[str]:
        """Systems with a row, in order."""
        return list(dict.fromkeys(row.system for row in self.rows))


def save_results(results: SuiteResults, folder: Path) -> None:
    """Write the three files into a folder, made if absent: all of them before the first is in its place.

    `results.json`, which vouches for `results.parquet`, comes last; on a full disk what was there stays.

    Raises:
        InputError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}); give another folder for results") from error
    parts = {
        "format": FORMAT,
        "title": results.title,
        "hash": results.hash,
        "rows": [{**_fields(row), "hash": digest(_content(row))} for row in results.rows],
        "skipped": [vars(each) for each in results.skipped],
        "failed": [vars(each) for each in results.failed],
    }
    with atomic_file(folder / ROWS) as rows:
        _write_json(rows, parts)
        with atomic_file(folder / STEPS) as steps:
            _write_json(steps, list(results.steps))
            with atomic_file(folder / QUERIES) as queries:
                pa.parquet.write_table(_per_query(results.rows), queries)


def load_results(folder: str | Path) -> SuiteResults:
    """What `save_results` wrote.

    Raises:
        InputError: not such a folder, or its files do not belong together.
    """
    folder = Path(folder)
    try:
        parts = json.loads((folder / ROWS).read_text(encoding="utf-8"))
        steps = json.loads((folder / STEPS).read_text(encoding="utf-8"))
        queries = pa.parquet.read_table(folder / QUERIES)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: holds no results of 'xret eval suite' ({error})") from error
    if not isinstance(parts, dict) or parts.get("format") != FORMAT:
        raise InputError(f"{folder / ROWS}: wanted '{FORMAT}', as 'xret eval suite' writes it")
    rows = [_row(fields, queries, folder / ROWS) for fields in parts["rows"]]
    skipped, failed = ([Missing(**each) for each in parts[name]] for name in ("skipped", "failed"))
    results = SuiteResults(title=parts["title"], rows=rows, skipped=skipped, failed=failed, steps=steps)
    if results.hash != parts["hash"]:
        raise InputError(f"{folder}: {ROWS} and {QUERIES} were changed or do not belong together; run the suite again")
    return results


def _fields(row: Scored) -> dict[str, Any]:
    """All parts of a row but its queries."""
    return {name: value for name, value in json.loads(row.to_json()).items() if name != "per_query"}


def _content(row: Scored) -> dict[str, Any]:
    """What the hash of a row covers: the numbers and what they are of, not the machine."""
    return {name: value for name, value in json.loads(row.to_json()).items() if name != "versions"}


def _row(fields: dict[str, Any], queries: pa.Table, path: Path) -> Scored:
    mine = pc.and_(pc.equal(queries["system"], fields["system"]), pc.equal(queries["benchmark"], fields["benchmark"]))
    known = [name for name in PER_QUERY.names if name in queries.column_names]  # older files lack topics
    per_query = queries.filter(mine).select(known).to_pydict()
    return Scored.from_json(json.dumps({**fields, "per_query": per_query}), name=str(path))


def _per_query(rows: Sequence[Scored]) -> pa.Table:
    tables = []
    for row in rows:
        names = {"system": row.system, "benchmark": row.benchmark}
        columns = {name: pa.array([value] * row.per_query.num_rows, pa.string()) for name, value in names.items()}
        tables.append(pa.table({**columns, **{name: row.per_query[name] for name in PER_QUERY.names}}))
    schema = pa.schema([("system", pa.string()), ("benchmark", pa.string()), *PER_QUERY])
    return pa.concat_tables([schema.empty_table(), *tables])


def _write_json(path: Path, value: object) -> None:
    """Down to the disk, which may be full."""
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
