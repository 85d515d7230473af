"""Parsers of plain text, one sentence a line, and of TSV."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.corpus.extras import Extras
from xret.corpus.languages import is_lang
from xret.corpus.lines import Lines, read_lines
from xret.corpus.rows import Mask, Rows, core_names
from xret.corpus.sources import Shard
from xret.errors import CorpusError

__all__ = ["parse_tsv", "parse_txt"]

_KNOWN = {"id", "text", "lang", "title", "doc_id", "segment", "metadata"}


def parse_txt(shard: Shard, _: Extras) -> Iterator[Rows]:
    """One text a line; ids are made later from the line numbers."""
    for lines in read_lines(shard):
        yield Rows({"text": lines.text}, lines.numbers, lines.faults)


def parse_tsv(shard: Shard, _: Extras) -> Iterator[Rows]:
    """Tab-separated fields without quoting: ``id, text``; ``id, lang, text``; or as a header line says.

    All columns come out as strings; empty fields of columns other than id and text are null.
    """
    names: list[str] | None = None
    for lines in read_lines(shard):
        skip = 0
        if names is None:
            names, skip = _columns(lines, shard)
        yield _fields(lines, names, skip)


def _columns(lines: Lines, shard: Shard) -> tuple[list[str], int]:
    """The column names, and how many lines told them: 0 or 1."""
    first = lines.text[0].as_py().split("\t") if len(lines.text) and lines.numbers[0] == 1 else []
    names = list(core_names(tuple(first)).values())
    if not ("id" in names or ("text" in names and set(names) <= _KNOWN)):
        return (["id", "lang", "text"] if len(first) == 3 and is_lang(first[1]) else ["id", "text"]), 0
    if len(first) == 1 and names != ["text"]:
        return ["id", "text"], 0
    place = shard.place.replace("{}", "1")
    if "text" not in names:
        raise CorpusError(f"{place}: the header names no column 'text'; found: {', '.join(first)}")
    if len(names) < len(first) or "" in names:
        raise CorpusError(f"{place}: the header has an empty or repeated name; found: {', '.join(map(repr, first))}")
    return names, 1


def _fields(lines: Lines, names: list[str], skip: int) -> Rows:
    rows = Rows({"line": lines.text.slice(skip)}, lines.numbers[skip:], lines.faults)
    rows.drop(_mask(pc.equal(rows.columns["line"], "")), "empty line", lambda _: "line is empty; remove it")
    found = pc.add(pc.count_substring(rows.columns["line"], "\t"), 1)
    wanted = f"wanted {len(names)} ({'<TAB>'.join(names)})" + ("" if skip else "; name other columns in a header line")
    fields = found.to_numpy(zero_copy_only=False)
    wrong = fields != len(names)
    rows.drop(wrong, "wrong number of fields", lambda row: f"{fields[row]} tab-separated field(s), {wanted}")
    # Every line has as many fields as there are names, so the flat list of fields is a matrix.
    flat = pc.split_pattern(rows.columns.pop("line"), "\t").flatten()
    for place, name in enumerate(names):
        column = flat.take(pa.array(np.arange(place, len(flat), len(names))))
        if name not in ("id", "text"):
            column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
        rows.columns[name] = column
    return rows


def _mask(array: pa.Array) -> Mask:
    return cast(Mask, array.to_numpy(zero_copy_only=False))
