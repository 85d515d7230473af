"""Nearest neighbours for evaluation sets: small, exact, in blocks of bounded memory; and what an encoder must offer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from xret.errors import InputError

__all__ = ["TextEncoder", "blocks", "nearest", "top_k", "unit"]

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
    """First row and similarities (rows, len(y)) of successive blocks of rows of x, `CELLS` numbers at most at once."""
    step = max(1, CELLS // max(1, len(y)))
    for start in range(0, len(x), step):
        yield start, x[start : start + step] @ y.T


def nearest(x: Vectors, y: Vectors) -> Ints:
    """(n,) row of y most similar to each row of x, the lowest among equals; unit rows in."""
    return np.concatenate([block.argmax(axis=1) for _, block in blocks(x, y)])


def top_k(x: Vectors, y: Vectors, k: int) -> tuple[Ints, Vectors]:
    """Ids (n, k) and cosines (n, k), descending, of the k <= len(y) rows of y nearest to each row of x; ties by id."""
    found = [_top(block, k) for _, block in blocks(x, y)]
    return np.concatenate([ids for ids, _ in found]), np.concatenate([cosines for _, cosines in found])


def _top(block: Vectors, k: int) -> tuple[Ints, Vectors]:
    ids = np.argsort(-block, axis=1, kind="stable")[:, :k]
    return ids, np.take_along_axis(block, ids, axis=1)
