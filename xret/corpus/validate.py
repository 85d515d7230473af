"""The rules of a corpus, applied to whole blocks: unique ids, non-empty text, known languages."""

from __future__ import annotations

from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.corpus.languages import UNKNOWN, check_lang, is_lang
from xret.corpus.rows import Mask, Rows
from xret.corpus.sources import Shard

__all__ = ["check_ids", "check_known_columns", "check_langs", "check_texts", "made_ids"]

_KNOWN = {"title": pa.string(), "doc_id": pa.string(), "segment": pa.int64()}


def check_texts(rows: Rows, *, line: bool) -> None:
    """Leave out rows whose text is null, blank or has a NUL; `line` when the text is the whole line."""
    rows.drop(_null(rows.columns["text"]), "no text", lambda _: "no text; give every row one")
    blank = _mask(pc.equal(pc.utf8_trim_whitespace(rows.columns["text"]), ""))
    if line:
        rows.drop(blank, "empty line", lambda _: "line is empty; remove it")
    else:
        rows.drop(blank, "empty text", lambda _: "text is empty; give every row one")
    nul = _mask(pc.match_substring(rows.columns["text"], "\0"))
    rows.drop(nul, "NUL byte", lambda _: "text holds a NUL character; remove it")


def made_ids(rows: Rows, shard: Shard) -> pa.StringArray:
    """The ids of rows whose file has none: line numbers, in folders after the file's name (``part-1:7``)."""
    numbers = pa.array(rows.numbers).cast(pa.string())
    return pc.binary_join_element_wise(shard.prefix, numbers, "") if shard.prefix else numbers


def check_ids(rows: Rows) -> None:
    """Leave out rows whose id is null or empty, or would break a line of TSV or TREC text."""
    ids = rows.columns["id"]
    missing = _null(ids) | _mask(pc.fill_null(pc.equal(ids, ""), True))
    rows.drop(missing, "no id", lambda _: "no id; give every row one")
    control = _mask(pc.match_substring_regex(rows.columns["id"], "[\\x00\t\n\r]"))
    rows.drop(control, "bad id", lambda row: f"id {rows.columns['id'][row].as_py()!r} holds a tab, line end or NUL")


def check_langs(rows: Rows, default: str) -> bool:
    """Make languages canonical and fill gaps with `default`; leave out rows with an unknown one.

    Returns:
        Whether the column was there and already as it should be.
    """
    if "lang" not in rows.columns:
        rows.columns["lang"] = pa.array([default]).take(pa.array(np.zeros(len(rows.numbers), np.int8)))
        return False
    before = rows.columns["lang"]
    coded = pc.fill_null(before, "").dictionary_encode()
    codes = coded.dictionary.to_pylist()
    known = np.array([not code.strip() or is_lang(code) for code in codes], bool)
    canonical = [default if not code.strip() else check_lang(code) if is_lang(code) else UNKNOWN for code in codes]
    places = coded.indices.to_numpy()
    rows.columns["lang"] = pa.array(canonical, pa.string()).take(coded.indices)
    unchanged = bool(rows.columns["lang"].equals(before))
    rows.drop(
        ~known[places],
        "unknown language",
        lambda row: (
            f"'{codes[places[row]][:40]}' is not a known language code; wanted BCP 47 (de, zh-Hant) or ISO 639-3"
        ),
    )
    return unchanged


def check_known_columns(rows: Rows) -> None:
    """Give title, doc_id and segment their types; leave out rows where that cannot be."""
    for name, type_ in _KNOWN.items():
        column = rows.columns.get(name)
        if column is None or column.type == type_:
            continue
        if isinstance(column, pa.DictionaryArray):
            column = column.dictionary_decode()
        try:
            rows.columns[name] = column.cast(type_)
        except pa.ArrowException:
            _cast_each(rows, name, column, type_)


def _cast_each(rows: Rows, name: str, column: pa.Array, type_: pa.DataType) -> None:
    values = [_cast(value, type_) for value in column]
    bad = np.array([value is None for value in values]) & ~_null(column)
    rows.columns[name] = pa.array(values, type_)
    wanted = "an integer" if type_ == pa.int64() else "a string"
    rows.drop(bad, "wrong type", lambda row: f"'{name}' is {str(column[row].as_py())[:40]!r}, wanted {wanted}")


def _cast(value: pa.Scalar, type_: pa.DataType) -> object:
    try:
        return cast(object, value.cast(type_).as_py())
    except pa.ArrowException:
        return None


def _null(array: pa.Array) -> Mask:
    return _mask(array.is_null())


def _mask(array: pa.Array) -> Mask:
    return cast(Mask, array.to_numpy(zero_copy_only=False).astype(bool))
