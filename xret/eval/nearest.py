"""Nearest neighbours for evaluation sets: small, exact, in blocks of bounded memory; and what an encoder must offer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from xret.errors import InputError

__all__ = ["TextEncoder", "best", "blocks", "nearest", "top_k", "unit"]

Vectors = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
CELLS = 1 << 23  # similarities held at once: 32 MiB of float32


class TextEncoder(Protocol):
    """What the protocols need of an encoder."""

    def encode(
        self,
        texts: Sequence[str],
        *,
        role: Literal["query", "document"] | None = None,
        lang: Sequence[str] | None = None,
        progress: bool = False,
    ) -> Vectors:
        """(len(texts), d) float32 rows of unit length; `progress` is only given where a bar was asked for."""


def unit(vectors: npt.ArrayLike, name: str = "vectors") -> Vectors:
    """(n, d) float32 rows of unit length, so that a dot product is a cosine; rows of zeros stay zeros.

    Raises:
        InputError: not a matrix, or NaN or infinity in it.
    """
    array = np.ascontiguousarray(vectors, np.float32)
    if array.ndim != 2 or not np.isfinite(array).all():
        raise InputError(f"{name}: wanted a matrix (rows, d) of finite numbers, found shape {array.shape} or NaN in it")
    length = np.linalg.norm(array, axis=1, keepdims=True)
    return np.asarray(array / np.where(length == 0, 1, length), np.float32)


def blocks(x: Vectors, y: Vectors) -> Iterator[tuple[int, Vectors]]:
    """First row and similarities (rows, len(y)) of successive blocks of rows of x, `CELLS` numbers at most at once.

    Equal rows of y are equally near. A matrix product does not promise that: it adds up in another order at the edge of
    a tile, and tiles depend on the number of threads; so it is taken of distinct rows.
    """
    first, number = _distinct(y)
    repeated = len(first) < len(y)
    step = max(1, CELLS // max(1, len(y) + repeated * len(first)))
    columns = y[first].T if repeated else y.T
    for start in range(0, len(x), step):
        found = x[start : start + step] @ columns
        yield start, found[:, number] if repeated else found


def nearest(x: Vectors, y: Vectors) -> Ints:
    """(n,) row of y most similar to each row of x, the lowest among equals; unit rows in."""
    first, number = _distinct(x)
    return np.concatenate([block.argmax(axis=1) for _, block in blocks(x[first], y)])[number]


def top_k(x: Vectors, y: Vectors, k: int) -> tuple[Ints, Vectors]:
    """Ids (n, k) and cosines (n, k), descending, of the k <= len(y) rows of y nearest to each row of x; ties by id.

    Equal rows of x have equal neighbours.
    """
    first, number = _distinct(x)
    found = [best(block, k) for _, block in blocks(x[first], y)]
    ids, cosines = (np.concatenate([each[place] for each in found])[number] for place in (0, 1))
    return ids.astype(np.int64), cosines.astype(np.float32)


def _distinct(rows: Vectors) -> tuple[Ints, Ints]:
    """The first of equal rows, ascending, and for each of all rows the place there of its equal."""
    if not rows.size:
        return np.arange(len(rows)), np.arange(len(rows))
    bits = np.ascontiguousarray(rows + np.float32(0))  # -0 is 0
    keys = bits.view(np.dtype((np.void, bits.itemsize * bits.shape[1]))).ravel()
    _, first, number = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return first[order], rank[number]


def best(block: Vectors, k: int) -> tuple[Ints, Vectors]:
    """Columns (rows, k) and values (rows, k), descending, of the k highest values of each row; ties by column."""
    columns = block.shape[1]
    if k * 4 > columns:
        ids = np.argsort(-block, axis=1, kind="stable")[:, :k]
        return ids, np.take_along_axis(block, ids, axis=1)
    some = np.sort(np.argpartition(block, columns - k, axis=1)[:, columns - k :], axis=1)
    values = np.take_along_axis(block, some, axis=1)
    ids = np.take_along_axis(some, np.argsort(-values, axis=1, kind="stable"), axis=1)
    # Where further columns have the lowest of these values, the partition took any of them.
    crowded = np.flatnonzero((block >= values.min(axis=1, keepdims=True)).sum(axis=1) > k)
    if len(crowded):
        ids[crowded] = np.argsort(-block[crowded], axis=1, kind="stable")[:, :k]
    return ids, np.take_along_axis(block, ids, axis=1)
