"""Writing sentence pairs: the same table gives the same bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from xret.artifact import atomic_file
from xret.bitext.columns import PAIR_COLUMNS, Format, Langs, format_of
from xret.bitext.plain import json_text, plain_values
from xret.bitext.write_moses import write_moses
from xret.bitext.write_tmx import write_tmx
from xret.errors import InputError, UsageError
from xret.packed import packing, written

__all__ = ["write_pairs"]

ROWS, BYTES = 1 << 15, 8 << 20  # rows turned into text at once, of so many bytes


def write_pairs(
    pairs: pa.Table, target: str | Path | IO[bytes], *, format: Format | None = None, langs: Langs = ("und", "und")
) -> None:
    """Write a table of pairs, rows in the order they have.

    TSV holds ``score src_id tgt_id src_text tgt_text`` without a header; tabs and line breaks inside a text become
    spaces. JSONL and Parquet hold every column and every character, TMX every column as a property (see
    `xret.bitext.write_tmx`). Moses is two files of texts alone, line by line, named after the languages: ``corpus`` is
    ``corpus.de`` and ``corpus.en``. Scores are written with the fewest digits that read back as the same number.

    Args:
        pairs: `score, src_id, tgt_id, src_text, tgt_text` and any others.
        target: a path (written atomically; text is packed when it ends in ``.gz`` or ``.zst``) or a binary stream.
        format: default: by the suffix of the path, else ``"tsv"``.
        langs: of source and target (BCP 47), which TMX and Moses need.

    Raises:
        InputError: an id holds a tab or a line break and cannot stand in TSV; Parquet under a packed name; the path
            cannot be written.
        UsageError: TMX or Moses without languages; Moses to a stream.
    """
    if not isinstance(target, str | Path):
        if format == "moses":
            raise UsageError("-: Moses is two files, which stdout cannot take; give a name")
        _write(pairs, target, format or "tsv", langs)
        return
    path = Path(target)
    format = format or format_of(path)
    if format == "parquet" and packing(path):
        raise InputError(f"{path}: Parquet is compressed inside; leave out '{path.suffix}'")
    if format == "moses":
        write_moses(pairs, path, langs)
        return
    with atomic_file(path) as temporary, written(temporary, packing(path)) as stream:
        _write(pairs, stream, format, langs)


def _write(pairs: pa.Table, stream: IO[bytes], format: Format, langs: Langs) -> None:
    if format == "parquet":
        pyarrow.parquet.write_table(pairs, stream)
        return
    if format == "tmx":
        write_tmx(pairs, stream, langs)
        return
    size = min(ROWS, max(1, BYTES * pairs.num_rows // max(1, pairs.nbytes)))
    for start in range(0, pairs.num_rows, size):
        rows = pairs.slice(start, size)
        lines = _tsv(rows) if format == "tsv" else _jsonl(rows)
        stream.write("".join(line + "\n" for line in lines).encode())


def _tsv(rows: pa.Table) -> Iterator[str]:
    scores = ("" if score is None else repr(score) for score in rows["score"].to_pylist())
    ids = [_id(rows, name) for name in PAIR_COLUMNS[1:3]]
    texts = [pc.replace_substring_regex(rows[name], r"[\t\n\r]", " ").to_pylist() for name in PAIR_COLUMNS[3:]]
    return ("\t".join(cells) for cells in zip(scores, *ids, *texts, strict=True))


def _id(rows: pa.Table, name: str) -> list[str]:
    bad = pc.match_substring_regex(rows[name], r"[\t\n\r]")
    if pc.any(bad).as_py():
        found = rows[name].filter(bad)[0].as_py()
        raise InputError(
            f"{name} {found!r} holds a tab or a line break and cannot stand in TSV; write JSONL or Parquet"
        )
    values: list[str] = rows[name].to_pylist()
    return values


def _jsonl(rows: pa.Table) -> Iterator[str]:
    columns = {name: plain_values(rows[name]) for name in rows.column_names}
    for values in zip(*columns.values(), strict=True):
        row = dict(zip(columns, values, strict=True))
        try:
            yield json.dumps(row, ensure_ascii=False, allow_nan=False, default=json_text)
        except ValueError:  # JSON knows neither NaN nor infinity
            yield json.dumps(_finite(row), ensure_ascii=False, default=json_text)


def _finite(value: Any) -> Any:
    """A value with null for NaN and infinity, however deep."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
