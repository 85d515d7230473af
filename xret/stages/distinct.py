"""Distinct sentences of one side, and copies between two sides."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.indexes.twoway import first_of_equal

__all__ = ["Distinct", "copy_keys", "distinct_texts", "first_places", "plain"]


@dataclass(frozen=True)
class Distinct:
    """The distinct texts among n rows.

    Attributes:
        first: (u,) int64 ascending: the first row of each distinct text; the place in it is the text's number.
        number: (n,) int64: the number of each row's text.
    """

    first: NDArray[np.int64]
    number: NDArray[np.int64]

    def rows_of(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All rows of the texts `numbers` (p,), ascending within each: (q,) rows, and (q,) places among the p."""
        order = np.argsort(self.number, kind="stable")
        counts = np.bincount(self.number, minlength=len(self.first))
        begin = np.cumsum(counts) - counts
        count = counts[numbers]
        owner = np.repeat(np.arange(len(numbers)), count)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
        rows: NDArray[np.int64] = order[begin[numbers][owner] + within]
        return rows, owner


def distinct_texts(texts: pa.ChunkedArray) -> Distinct:
    """Find equal texts, character for character."""
    first_row, _ = first_of_equal(_digests(texts, str))
    first, number = np.unique(first_row, return_inverse=True)
    return Distinct(first, number)


def copy_keys(src: pa.ChunkedArray, tgt: pa.ChunkedArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """A number for each text of either side: equal where one is a copy of the other (see `plain`)."""
    key, _ = first_of_equal(np.concatenate([_digests(src, plain), _digests(tgt, plain)]))
    return key[: len(src)], key[len(src) :]


def first_places(wanted: pa.ChunkedArray, among: pa.ChunkedArray) -> NDArray[np.int64]:
    """(n,) int64: where each of n texts stands first among others, character for character; -1: nowhere."""
    first, _ = first_of_equal(np.concatenate([_digests(among, str), _digests(wanted, str)]))
    found = first[len(among) :]
    return np.where(found < len(among), found, -1)


def plain(text: str) -> str:
    """A text without differences of case and white space: copies have the same plain text."""
    return " ".join(text.casefold().split())


def _digests(texts: pa.ChunkedArray, form: Callable[[str], str]) -> NDArray[np.uint64]:
    """(n, 2) uint64 hashes: 128 bits, so that equal hashes are equal texts; the texts themselves are not kept."""
    parts = [np.empty((0, 2), np.uint64)]
    for chunk in texts.chunks:
        for start in range(0, len(chunk), 1 << 16):
            values = chunk.slice(start, 1 << 16).to_pylist()
            hashes = (hashlib.blake2b(form(text).encode(), digest_size=16).digest() for text in values)
            parts.append(np.frombuffer(b"".join(hashes), np.uint64).reshape(-1, 2))
    return np.concatenate(parts)
