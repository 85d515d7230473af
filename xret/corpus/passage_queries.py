"""Queries that belong to passages, several to one: what a query generator writes, by any of the common formats."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from xret.atomic import temporary_folder
from xret.corpus.extras import Drift, Extras
from xret.corpus.languages import UNKNOWN, check_lang
from xret.corpus.problems import OnError
from xret.corpus.reader import CorpusReader, parse
from xret.corpus.rows import Rows
from xret.corpus.sources import Shard, Source, find_source
from xret.errors import InputError
from xret.mapped import map_table, write_batches

__all__ = ["LISTS", "PASSAGE", "SCHEMA", "open_passage_queries", "passage_queries"]

PASSAGE = "docid"
"""The column that names the passage."""
_ROWS = 65536  # of a batch written
SCHEMA = pa.schema([(PASSAGE, pa.string()), ("text", pa.string()), ("lang", pa.string())])
"""Of tables of queries."""
LISTS = ("generated_queries", "predicted_queries", "queries")
"""Columns that hold all queries of a passage: those of xQG's published data set, and what doc2query's tools write."""
_FILE = "queries.arrow"
_log = logging.getLogger("xret")


class _Reader(CorpusReader):
    """A corpus whose ids may repeat."""

    def _check_repeats(self, rows: Rows, shard: Shard) -> None:
        pass


def open_passage_queries(
    source: str | Path, *, lang: str | None = None, on_error: OnError = "fail", beside: Path | None = None
) -> pa.Table:
    """Queries of passages as a memory-mapped table.

    Reads what `read_corpus` does: TSV, JSONL, Parquet and Arrow with the columns `text`, `lang` and, for the passage,
    `docid` (or `id` where there is no `docid`); TSV without a header is ``docid<TAB>text`` or
    ``docid<TAB>lang<TAB>text``. Passages with lists of queries are read too (see `passage_queries`).

    Args:
        source: the file, a folder of shards, or ``-``.
        lang: language of rows that name none.
        on_error: malformed rows: stop at the first, or skip and count them.
        beside: the table's (nameless) file goes to the disk of this path; None: to that of temporary files.

    Returns:
        `docid, text, lang`, all strings, in the order of the file.

    Raises:
        CorpusError: `source` cannot be read, or names no passages.
        InputError: `lang` is no known language.
    """
    found = find_source(source)
    if any(shard.format == "txt" for shard in found.shards):
        raise InputError(f"{found.label}: lines of text name no passages; wanted columns {PASSAGE}, text and lang")
    with temporary_folder(beside) as folder:  # the mapping keeps the bytes alive
        try:
            reader = _import(found, folder, Extras(), lang=lang, on_error=on_error)
        except Drift:  # a column that the first rows lack, or have of another type
            extras = Extras()
            extras.grow(rows for shard in found.shards for rows in parse(shard, extras))
            reader = _import(found, folder, extras, lang=lang, on_error=on_error)
        table = map_table(folder / _FILE, remedy="run again")
    if reader.skipped.total:
        _log.warning("%s: %s", found.label, reader.skipped.summary())
    return table


def _import(source: Source, folder: Path, extras: Extras, *, lang: str | None, on_error: OnError) -> CorpusReader:
    reader = _Reader(source, lang=lang, on_error=on_error, batch_rows=_ROWS, extras=extras)
    tables = (passage_queries(pa.Table.from_batches([batch])) for batch in reader)
    try:
        write_batches(folder / _FILE, (batch for table in tables for batch in table.to_batches()), SCHEMA)
    except InputError as error:
        told = str(error)
        raise error if told.startswith(source.label) else InputError(f"{source.label}: {told}") from error
    return reader


def passage_queries(table: pa.Table) -> pa.Table:
    """`docid, text, lang` of a table of queries, or of passages with lists of queries.

    Args:
        table: `docid` or `id`; then `text` and perhaps `lang` of a query, or in one column (`generated_queries`,
            `predicted_queries`, `queries`; JSON or nested) a passage's queries: a list, or lists by language.

    Raises:
        InputError: a column is missing, a query names no passage, or a list is none.
    """
    name = PASSAGE if PASSAGE in table.column_names else "id"
    listed = next((column for column in LISTS if column in table.column_names), "")
    for column in (name, listed or "text"):
        if column not in table.column_names:
            found = ", ".join(table.column_names)
            raise InputError(f"queries of passages want the columns {PASSAGE}, text and lang; found: {found}")
    passages = table[name].cast(pa.string())
    if passages.null_count:
        row = pc.index(passages.is_null(), True).as_py()
        raise InputError(f"row {row} names no passage in '{name}'; give each query one")
    langs = table["lang"] if "lang" in table.column_names else pa.array([UNKNOWN] * table.num_rows, pa.string())
    whole = pa.table([passages, table[listed or "text"], langs.cast(pa.string())], [PASSAGE, "text", "lang"])
    return _from_lists(whole, listed) if listed else whole.cast(SCHEMA)


def _from_lists(table: pa.Table, column: str) -> pa.Table:
    """One row per query of lists of them; empty queries are left out."""
    rows: list[dict[str, str]] = []
    for row in table.to_pylist():
        try:
            value = json.loads(row["text"]) if isinstance(row["text"], str) else row["text"]
            lists = value if isinstance(value, dict) else {row["lang"]: value}
            for lang, queries in lists.items():
                tag, queries = check_lang(lang), [] if queries is None else queries
                if not isinstance(queries, list) or not all(isinstance(text, str) for text in queries):
                    raise TypeError(f"{queries!r:.40}")
                rows += [{PASSAGE: row[PASSAGE], "text": text, "lang": tag} for text in queries if text.strip()]
        except (TypeError, ValueError) as error:
            raise InputError(
                f"passage '{row[PASSAGE]}': '{column}' holds no list of texts, nor lists by language ({error})"
            ) from error
    return pa.Table.from_pylist(rows, SCHEMA)
