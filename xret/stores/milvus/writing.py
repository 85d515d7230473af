"""Rows on their way into Milvus: in calls of a bounded size, and within what its fields hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from xret.errors import InputError
from xret.stores.milvus.schema import ID_BYTES, LANG_BYTES, PIECES, REST, SPARSE, TEXT_BYTES, dense_field
from xret.stores.place import Place
from xret.stores.recipe import Recipe
from xret.stores.rows import MOST_TOKENS, matrix

__all__ = ["calls"]

NOTHING, LEAST = MOST_TOKENS, 1e-30  # what a row without token weights has: Milvus takes none that is empty
CALL_BYTES = 16 << 20  # of one call; servers take 64 MiB


def calls(rows: pa.Table, recipe: Recipe, place: Place) -> Iterator[list[dict[str, Any]]]:
    """Rows as the client takes them, so many at a time as one call may carry.

    A text that is longer than a field of Milvus goes on in the field `REST`.

    Raises:
        InputError: an id, a language or a text is longer than its fields.
    """
    columns = {name: rows[name].to_pylist() for name in rows.column_names if name != "vector"}
    for name, most in (("id", ID_BYTES), ("lang", LANG_BYTES)):
        long = next((value for value in columns[name] if len(value.encode()) > most), None)
        if long is not None:
            raise InputError(f"{place}: {name} '{long[:40]}…' has {len(long.encode())} bytes, Milvus keeps {most}")
    pieces = [_pieces(text) for text in columns.get("text", ())]
    long = next((number for number, each in enumerate(pieces) if len(each) > PIECES), None)
    if long is not None:
        raise InputError(
            f"{place}: the text of id '{columns['id'][long]}' has {len(columns['text'][long].encode()):,} bytes, and "
            f"{PIECES * TEXT_BYTES:,} are the most that one call brings; cut it into passages, or leave texts out"
        )
    vectors, dense = matrix(rows), dense_field(recipe)
    made: list[dict[str, Any]] = []
    size = 0
    for number, id in enumerate(columns["id"]):
        row = {"id": id, "lang": columns["lang"][number], dense: vectors[number]}
        grown = 4 * (vectors.shape[1] + len(id))
        if pieces:
            row["text"], row[REST] = pieces[number][0], pieces[number][1:]
            grown += 4 * len(columns["text"][number])
        if "sparse" in columns:
            weights = {token: weight for token, weight in columns["sparse"][number] if weight}
            row[SPARSE] = weights or {NOTHING: LEAST}
            grown += 16 * len(row[SPARSE])
        if made and size + grown > CALL_BYTES:
            yield made
            made, size = [], 0
        made.append(row)
        size += grown
    if made:
        yield made


def _pieces(text: str) -> list[str]:
    """A text, or the parts of it that a field holds, cut between characters."""
    if len(text) * 4 <= TEXT_BYTES:
        return [text]
    data, found, start = text.encode(), [], 0
    while start < len(data):
        found.append(data[start : start + TEXT_BYTES].decode(errors="ignore"))
        start += len(found[-1].encode())
    return found
