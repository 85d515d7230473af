"""Writing corpora: the counterpart of reading them, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from xret.artifact import atomic_file
from xret.corpus.sources import COMPRESSIONS, FORMATS
from xret.errors import InputError

__all__ = ["check_target", "write_corpus"]

ROWS = 8192  # turned into text at once

Write = Callable[[pa.RecordBatch], object]


def write_corpus(corpus: pa.Table | Iterable[pa.RecordBatch], target: str | Path) -> None:
    """Write a corpus as its name says: ``.parquet``, ``.arrow``, ``.jsonl``, ``.tsv``; the last two also .gz or .zst.

    Equal rows give equal bytes. TSV gets a header line; lists, structs and the like become JSON in JSONL and TSV.

    Args:
        corpus: a table or batches of one schema with columns id, text and any others.
        target: the file to write; it appears when it is complete.

    Raises:
        InputError: another kind of name, no column id or text, a text that TSV cannot hold, or nowhere to write.
    """
    target = Path(target)
    format, compression = _format(target)
    batches = iter(corpus.to_batches(max_chunksize=ROWS) if isinstance(corpus, pa.Table) else corpus)
    if isinstance(corpus, pa.Table):
        schema = corpus.schema
    else:
        first = next(batches, None)
        if first is None:
            raise InputError(f"{target}: no rows to write, and so no columns")
        schema, batches = first.schema, chain([first], batches)
    if not {"id", "text"} <= set(schema.names):
        raise InputError(f"{target}: a corpus needs the columns id and text; found: {', '.join(schema.names)}")
    with atomic_file(target) as temporary, _WRITERS[format](temporary, schema, compression, target) as write:
        for batch in batches:
            write(batch)


def check_target(target: str | Path) -> None:
    """Refuse a name that `write_corpus` would; for callers with long work before the first row.

    Raises:
        InputError: it tells no format that corpora are written in, or its folder is not there.
    """
    path = Path(target)
    _format(path)
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}; make it, or choose another place")


def _format(target: Path) -> tuple[str, str | None]:
    suffixes = [suffix.lower() for suffix in target.suffixes[-2:]]
    compression = COMPRESSIONS.get(suffixes[-1]) if suffixes else None
    ending = suffixes[-2:-1] if compression else suffixes[-1:]
    format = FORMATS.get(ending[0]) if ending else None
    if format not in _WRITERS or (compression and format not in ("jsonl", "tsv")):
        wanted = "wanted .parquet, .arrow, .jsonl or .tsv (the latter two also .gz or .zst)"
        raise InputError(f"{target}: its name does not tell a format that corpora are written in; {wanted}")
    return format, compression


@contextmanager
def _parquet(path: Path, schema: pa.Schema, _: str | None, __: Path) -> Iterator[Write]:
    with pq.ParquetWriter(str(path), schema, compression="zstd") as writer:
        yield writer.write_batch


@contextmanager
def _arrow(path: Path, schema: pa.Schema, _: str | None, __: Path) -> Iterator[Write]:
    with pa.ipc.new_file(str(path), schema) as writer:
        yield writer.write_batch


@contextmanager
def _text(path: Path, compression: str | None) -> Iterator[Any]:
    with pa.OSFile(str(path), "wb") as file:
        if compression is None:
            yield file
        else:
            with pa.CompressedOutputStream(file, compression) as stream:
                yield stream


@contextmanager
def _jsonl(path: Path, _: pa.Schema, compression: str | None, __: Path) -> Iterator[Write]:
    with _text(path, compression) as stream:
        yield lambda batch: stream.write(
            b"".join(json.dumps(row, ensure_ascii=False, default=str).encode() + b"\n" for row in batch.to_pylist())
        )


@contextmanager
def _tsv(path: Path, schema: pa.Schema, compression: str | None, target: Path) -> Iterator[Write]:
    with _text(path, compression) as stream:
        stream.write("\t".join(schema.names).encode() + b"\n")
        yield lambda batch: stream.write("".join(f"{line}\n" for line in _tsv_lines(batch, target)).encode())


def _tsv_lines(batch: pa.RecordBatch, target: Path) -> list[str]:
    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        column = pc.fill_null(_as_text(column), "")
        bad = pc.index(pc.match_substring_regex(column, "[\t\n\r]"), True).as_py()
        if bad >= 0:
            row = f"row with id '{batch.column('id')[bad].as_py()}'"
            raise InputError(f"{target}: {row} has a tab or line end in '{name}'; write .jsonl or .parquet instead")
        columns.append(column)
    lines: list[str] = pc.binary_join_element_wise(*columns, "\t").to_pylist()
    return lines


def _as_text(column: pa.Array) -> pa.Array:
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    if pa.types.is_nested(column.type):
        dumps = partial(json.dumps, ensure_ascii=False, default=str)
        return pa.array([None if value is None else dumps(value) for value in column.to_pylist()], pa.string())
    return column.cast(pa.string())


_WRITERS = {"parquet": _parquet, "arrow": _arrow, "jsonl": _jsonl, "tsv": _tsv}
