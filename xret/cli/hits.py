"""Hits on a terminal or in a file."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import click

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Kind", "kind_of", "write_hits"]

Kind = Literal["table", "trec", "jsonl", "parquet"]

LEAST = 24  # columns for the text, however narrow the terminal


def kind_of(output: str | None, format: str | None) -> Kind:
    """What to write: `format`; without it a file is what its name says, and stdout (None) gets a table."""
    if format is None and output is not None:
        suffix = Path(output.removesuffix(".gz").removesuffix(".zst")).suffix
        format = {".jsonl": "jsonl", ".parquet": "parquet", ".txt": "table"}.get(suffix, "trec")
    return cast("Kind", format or "table")


def write_hits(run: pa.Table, queries: pa.Table, *, output: str | None, kind: Kind) -> None:
    """Write a run to the file `output`, or to stdout: as a table for reading, as JSON lines, TREC text or Parquet."""
    from xret.runs import write_run

    if kind == "table":
        text = _tables(run, queries)
        if output is None:
            click.echo(text)
        else:
            _write_text(Path(output), text + "\n")
        return
    if kind == "jsonl":
        run = _with_query(run, queries)
    write_run(run, sys.stdout.buffer if output is None else output, format=kind)


def _with_query(run: pa.Table, queries: pa.Table) -> pa.Table:
    import pyarrow.compute as pc

    from xret.corpus import gather

    rows = pc.index_in(run["qid"], value_set=queries["id"]).to_numpy().astype("int64")
    return run.add_column(1, "query", gather(queries["text"], rows))


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
