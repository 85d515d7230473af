"""JSON lines and tab-separated lines of published sets: plain, .gz or .zst, in blocks; every bad line by its number."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xret.corpus.lines import read_lines
from xret.corpus.sources import Shard
from xret.errors import EvalError
from xret.packed import packing, read_bytes

__all__ = ["Record", "json_blocks", "records", "text_of", "tsv_blocks", "value_of"]

Record = dict[str, Any]


def _blocks(path: Path) -> Iterator[tuple[list[int], list[str]]]:
    """Numbers (from 1) and texts of a few MiB of lines at a time; empty ones are left out."""
    for lines in read_lines(Shard(path, str(path), "txt", packing(path))):
        if lines.faults.first is not None:
            number, message = lines.faults.first
            raise EvalError(f"{path}:{number}: {message}")
        numbers, texts = lines.numbers.tolist(), lines.text.to_pylist()
        if not all(texts):
            numbers = [number for number, text in zip(numbers, texts, strict=True) if text]
            texts = [text for text in texts if text]
        if texts:
            yield numbers, texts


def json_blocks(path: Path) -> Iterator[tuple[list[int], list[Record]]]:
    """Numbers and objects of a JSON Lines file, some MiB at a time.

    Raises:
        EvalError: a line is no JSON object, or not UTF-8; says which.
    """
    for numbers, texts in _blocks(path):
        yield numbers, [_object(text, path, number) for number, text in zip(numbers, texts, strict=True)]


def tsv_blocks(path: Path, fields: int, *, header: str | None = None) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Numbers and fields of the lines of a tab-separated file; further tabs belong to the last field.

    Args:
        path: the file.
        fields: how many a line has at least.
        header: the first field of a first line that is none of the rows.

    Raises:
        EvalError: a line has fewer fields, or is not UTF-8; says which.
    """
    for numbers, texts in _blocks(path):
        rows = [text.split("\t", fields - 1) for text in texts]
        short = next((place for place, row in enumerate(rows) if len(row) < fields), None)
        if short is not None:
            found = f"has {len(rows[short])} fields, wanted {fields} with tabs between them"
            raise EvalError(f"{path}:{numbers[short]}: {found}")
        first = int(header is not None and numbers[0] == 1 and rows[0][0] == header)
        yield numbers[first:], rows[first:]


def records(path: Path) -> Iterator[tuple[str, Record]]:
    """The objects of a small JSON Lines file with their places: ``"file:line"``."""
    for numbers, objects in json_blocks(path):
        yield from ((f"{path}:{number}", value) for number, value in zip(numbers, objects, strict=True))


def value_of(record: Mapping[str, Any], names: tuple[str, ...], place: str) -> str:
    """The text or number under the first of these names that an object has, as text.

    Raises:
        EvalError: none of them, or another kind of value.
    """
    for name in names:
        value = record.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return str(value)
        if value is not None:
            raise EvalError(f"{place}: '{name}' is {type(value).__name__}, wanted text")
    raise EvalError(f"{place}: has no '{names[0]}'; found: {', '.join(map(str, record)) or 'nothing'}")


def text_of(path: Path, encoding: str) -> str:
    """All text of a small file.

    Raises:
        EvalError: unreadable, or not in this encoding.
    """
    data = read_bytes(path, what="text", error=EvalError)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        found = f"byte 0x{data[error.start]:02x} is not {encoding}"
        raise EvalError(f"{path}:{line}: {found}; say --encoding latin-1 (or another), or convert the file") from error


def _object(text: str, path: Path, number: int) -> Record:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EvalError(f"{path}:{number}: broken JSON ({error}); wanted one object a line") from error
    if not isinstance(value, dict):
        raise EvalError(f"{path}:{number}: holds a {type(value).__name__}, wanted an object")
    return value
