"""TMX (any 1.x) to columns: the first two languages of its first unit are source and target."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from xret.bitext.columns import PAIR_COLUMNS
from xret.errors import InputError

__all__ = ["read_tmx"]

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_CODES = frozenset(("bpt", "ept", "it", "ph", "ut"))  # elements inside a text that hold codes of its old format


def read_tmx(data: bytes, label: str, place: str, error: type[InputError]) -> pa.Table:
    """The pairs of a TMX file.

    Args:
        data: the file; its encoding stands in it.
        label: its name, for messages.
        place: a format for the number of a unit, from 1, for messages.
        error: the class of errors to raise.

    Returns:
        `src_text, tgt_text: string`, and a column for each property ``x-NAME``: numbers (float64) where all are, except
        for ids; columns that a unit has not are null there.

    Raises:
        InputError: (or the subclass `error`) not XML, not TMX, or a unit without a text in both languages.
    """
    rows: list[dict[str, str]] = []
    langs: list[str] = []
    try:
        for unit in _units(data, label, error):
            texts = [(_lang(each), _text(each.find("seg"))) for each in unit.iter("tuv")]
            langs = langs or [lang for lang, _ in texts[:2]]
            both = _sides(texts, langs)
            if both is None:
                found = ", ".join(lang for lang, _ in texts) or "none"
                wanted = " and ".join(langs) if len(langs) == 2 else "two languages"
                raise error(f"{place.format(len(rows) + 1)}: has texts in {found}; wanted {wanted}")
            marks = {prop.get("type", "")[2:]: _text(prop) for prop in unit.iter("prop") if _named(prop)}
            rows.append(marks | dict(zip(PAIR_COLUMNS[3:], both, strict=True)))
    except ET.ParseError as problem:
        raise error(f"{label}: not XML ({problem})") from problem
    return _table(rows)


def _units(data: bytes, label: str, error: type[InputError]) -> Iterator[ET.Element]:
    body, root = None, None
    for event, element in ET.iterparse(io.BytesIO(data), ("start", "end")):
        if root is None:
            root = element
            if root.tag != "tmx":
                raise error(f"{label}: is <{root.tag}>, wanted a <tmx> file")
        if event == "start" and element.tag == "body":
            body = element
        elif event == "end" and element.tag == "tu":
            yield element
            if body is not None:
                body.clear()  # what was read


def _lang(tuv: ET.Element) -> str:
    return (tuv.get(_LANG) or tuv.get("lang") or "und").lower()


def _named(prop: ET.Element) -> bool:
    return prop.get("type", "").startswith("x-")


def _sides(texts: list[tuple[str, str]], langs: list[str]) -> tuple[str, str] | None:
    """The texts in two languages, which may be the same; None where one is missing."""
    left = list(texts)
    found = []
    for lang in langs:
        match = next((each for each in left if each[0] == lang), None)
        if match is None:
            return None
        left.remove(match)
        found.append(match[1])
    return (found[0], found[1]) if len(found) == 2 else None


def _text(element: ET.Element | None) -> str:
    """What a person reads of an element: without codes of the format that the text had."""
    if element is None:
        return ""
    inside: Callable[[ET.Element], str] = lambda child: "" if child.tag in _CODES else _text(child)  # noqa: E731
    return (element.text or "") + "".join(inside(child) + (child.tail or "") for child in element)


def _table(rows: list[dict[str, str]]) -> pa.Table:
    names = dict.fromkeys([*PAIR_COLUMNS[3:], *(name for row in rows for name in row)])
    return pa.table({name: _column(name, [row.get(name) for row in rows]) for name in names})


def _column(name: str, values: list[Any]) -> pa.Array:
    column = pa.array(values, pa.string())
    if name in PAIR_COLUMNS:
        return column
    try:
        return column.cast(pa.float64())
    except pa.ArrowInvalid:
        return column
