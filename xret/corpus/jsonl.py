"""Parser of JSON Lines: one object a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from xret.corpus.extras import Extras, widen
from xret.corpus.lines import Lines, read_lines
from xret.corpus.problems import Faults
from xret.corpus.rows import Rows, core_names
from xret.corpus.sources import Shard

__all__ = ["parse_jsonl"]

_KINDS = {
    dict: "an object",
    list: "an array",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "true or false",
}
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")  # only escapes can bring half a pair: the line itself is UTF-8
_SCALARS = (pa.null(), pa.bool_(), pa.int64(), pa.float64(), pa.string())


def parse_jsonl(shard: Shard, extras: Extras) -> Iterator[Rows]:
    """Objects with ``text`` and, if the first one has it, ``id`` (a string or an integer).

    Further values become columns: numbers, booleans and strings as they are; arrays, objects and mixtures as JSON text.
    """
    with_id: bool | None = None
    for lines in read_lines(shard):
        objects, numbers = _load(lines)
        if with_id is None and objects:
            with_id = "id" in core_names(tuple(objects[0])).values()
        good = [row for row, value in enumerate(objects) if _check(value, numbers[row], bool(with_id), lines.faults)]
        yield Rows(
            _columns([objects[row] for row in good], extras, bool(with_id)),
            np.array([numbers[row] for row in good], np.int64),
            lines.faults,
        )


def _load(lines: Lines) -> tuple[list[dict[str, Any]], list[int]]:
    objects, numbers = [], []
    for number, line in zip(lines.numbers.tolist(), lines.text.to_pylist(), strict=True):
        if not line or line.isspace():
            lines.faults.add([number], "empty line", "line is empty; remove it")
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            lines.faults.add([number], "broken JSON", f"broken JSON ({error}); wanted one object a line")
            continue
        if not isinstance(value, dict):
            lines.faults.add([number], "broken JSON", f"line holds {_kind(value)}, wanted an object with 'text'")
            continue
        if _SURROGATE.search(line) and not _encodable(value):
            lone = "holds half of a surrogate pair (\\ud800 to \\udfff), which is no character; remove it"
            lines.faults.add([number], "invalid Unicode", lone)
            continue
        if renamed := _renamed(tuple(value)):
            value = {renamed.get(name, name): item for name, item in value.items()}
        objects.append(value)
        numbers.append(number)
    return objects, numbers


@lru_cache(maxsize=1024)
def _renamed(names: tuple[str, ...]) -> dict[str, str]:
    return {old: name for old, name in core_names(names).items() if old != name}


def _check(value: dict[str, Any], number: int, with_id: bool, faults: Faults) -> bool:
    """Whether id, text and lang have the right types; what has not is added to the faults."""
    problem = None
    text, lang = value.get("text"), value.get("lang")
    if "text" not in value:
        problem = "no text", f"no 'text'; found: {', '.join(value) or 'an empty object'}"
    elif not isinstance(text, str):
        problem = "wrong type", f"'text' is {_kind(text)}, wanted a string"
    elif lang is not None and not isinstance(lang, str):
        problem = "wrong type", f"'lang' is {_kind(lang)}, wanted a string"
    elif with_id and value.get("id") is None:
        problem = "no id", f"no 'id', though the file's first line has one; found: {', '.join(value)}"
    elif not with_id and "id" in value:
        problem = "unexpected id", "has an 'id', though the file's first line has none; give all lines one or none"
    elif with_id and (isinstance(value["id"], bool) or not isinstance(value["id"], str | int)):
        problem = "wrong type", f"'id' is {_kind(value['id'])}, wanted a string"
    if problem:
        faults.add([number], *problem)
    return problem is None


def _encodable(value: dict[str, Any]) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _columns(objects: Sequence[dict[str, Any]], extras: Extras, with_id: bool) -> dict[str, pa.Array]:
    columns = {"text": pa.array([value["text"] for value in objects], pa.string())}
    if with_id:
        columns["id"] = pa.array([str(value["id"]) for value in objects], pa.string())
    names: dict[str, None] = {}
    for value in objects:
        if value.keys() != names.keys():
            names |= dict.fromkeys(value)
    for name in names:
        if name not in columns:
            values = [value.get(name) for value in objects]
            columns[name] = _column(values, pa.string() if name == "lang" else extras.types.get(name, pa.null()))
    return columns


def _column(values: list[Any], before: pa.DataType) -> pa.Array:
    """Values of any JSON kind as one array; at least as wide as `before`."""
    try:
        column = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        column = None  # a mixture
    if column is not None and column.type in _SCALARS:
        wider = widen(before, column.type)
        if wider in (None, column.type):
            return column
        if wider != pa.string():
            return column.cast(wider)
    return pa.array([_text(value) for value in values], pa.string())


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "null")
