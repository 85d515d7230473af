"""Rows on their way into Milvus: in calls of a bounded size, and within what its fields hold."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from xret.errors import InputError
from xret.stores.milvus.schema import DENSE, ID_BYTES, LANG_BYTES, SPARSE, TEXT_BYTES
from xret.stores.place import Place
from xret.stores.rows import matrix

__all__ = ["calls"]

logger = logging.getLogger("xret")
CALL_BYTES = 16 << 20  # of one call; servers take 64 MiB


def calls(rows: pa.Table, place: Place) -> Iterator[list[dict[str, Any]]]:
    """Rows as the client takes them, so many at a time as one call may carry.

    Texts that are longer than a field of Milvus are cut, and counted in a warning.

    Raises:
        InputError: an id or a language is longer than its field.
    """
    columns = {name: rows[name].to_pylist() for name in rows.column_names if name != "vector"}
    for name, most in (("id", ID_BYTES), ("lang", LANG_BYTES)):
        long = next((value for value in columns[name] if len(value.encode()) > most), None)
        if long is not None:
            raise InputError(f"{place}: {name} '{long[:40]}…' has {len(long.encode())} bytes, Milvus keeps {most}")
    if "text" in columns:
        columns["text"] = _fitting(columns["text"], place)
    vectors = matrix(rows)
    made: list[dict[str, Any]] = []
    size = 0
    for place_, id in enumerate(columns["id"]):
        row = {"id": id, "lang": columns["lang"][place_], DENSE: vectors[place_]}
        if "text" in columns:
            row["text"] = columns["text"][place_]
        if "sparse" in columns:
            row[SPARSE] = {int(token): float(weight) for token, weight in columns["sparse"][place_] or ()}
        grown = 4 * vectors.shape[1] + 4 * len(row.get("text", "")) + 16 * len(row.get(SPARSE, ())) + 4 * len(id)
        if made and size + grown > CALL_BYTES:
            yield made
            made, size = [], 0
        made.append(row)
        size += grown
    if made:
        yield made


def _fitting(texts: list[str], place: Place) -> list[str]:
    long = [row for row, text in enumerate(texts) if len(text) * 4 > TEXT_BYTES and len(text.encode()) > TEXT_BYTES]
    for row in long:
        texts[row] = texts[row].encode()[:TEXT_BYTES].decode(errors="ignore")
    if long:
        logger.warning("%s: %s texts are cut to %s bytes, all that Milvus keeps of one", place, len(long), TEXT_BYTES)
    return texts
