"""Hits on a terminal or in a file."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import click

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["write_hits"]

LEAST = 24  # columns for the text, however narrow the terminal


def write_hits(run: pa.Table, queries: pa.Table, *, output: str | None, format: str | None) -> None:
    """Write a run to `output`, or to stdout: as a table for reading, or as JSON lines, TREC text or Parquet.

    Without `format`, a file is what its name says and a screen gets a table.
    """
    from xret.runs import write_run

    if format is None and output is not None:
        format = _by_name(output)
    if format in (None, "table"):
        text = _tables(run, queries)
        if output is None:
            click.echo(text)
        else:
            _write_text(Path(output), text + "\n")
        return
    kind = cast("Literal['trec', 'jsonl', 'parquet']", format)
    if kind == "jsonl":
        run = _with_query(run, queries)
    elif kind == "trec" and "text" in run.column_names:
        run = run.drop_columns(["text"])
    write_run(run, sys.stdout.buffer if output is None else output, format=kind)


def _by_name(output: str) -> str:
    kind = Path(output.removesuffix(".gz").removesuffix(".zst")).suffix
    return {".jsonl": "jsonl", ".parquet": "parquet", ".txt": "table"}.get(kind, "trec")


def _with_query(run: pa.Table, queries: pa.Table) -> pa.Table:
    import pyarrow.compute as pc

    rows = pc.index_in(run["qid"], value_set=queries["id"].combine_chunks())
    return run.add_column(1, "query", queries["text"].take(rows))


def _tables(run: pa.Table, queries: pa.Table) -> str:
    import pyarrow.compute as pc

    columns = shutil.get_terminal_size((120, 24)).columns
    parts = []
    for query in queries.select(["id", "text"]).to_pylist():
        hits = run.filter(pc.equal(run["qid"], query["id"])).to_pylist()
        title = f"{query['id']}: {' '.join(query['text'].split())}"
        parts.append(f"{title}\n{_table(hits, columns) if hits else 'nothing found'}")
    return "\n\n".join(parts)


def _table(hits: list[dict[str, Any]], columns: int) -> str:
    from xret.cli.table import clip, render, width

    header = ["rank", "score", "lang", "id"]
    rows = [[str(hit["rank"]), f"{hit['score']:.4f}", hit["dlang"], hit["docid"]] for hit in hits]
    if "text" in hits[0]:
        used = sum(max(width(row[place]) for row in [header, *rows]) + 2 for place in range(len(header)))
        header.append("text")
        for row, hit in zip(rows, hits, strict=True):
            row.append(clip(hit["text"], max(LEAST, columns - used)))
    return render(rows, header, right=(0, 1))


def _write_text(path: Path, text: str) -> None:
    from xret.artifact import atomic_file

    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
