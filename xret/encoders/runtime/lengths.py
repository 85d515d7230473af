"""Vectors made shorter, and brought to the length they should have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xret.encoders.recipe import Role, TokenHead

__all__ = ["shorten", "weigh", "with_text"]


def weigh(vectors: NDArray[np.float32], role: Role | None) -> NDArray[np.float32]:
    """Token vectors of length 1; those of a query times a weight in proportion to their squared length, 1 on average.

    Squared lengths, and weights on the query's side alone, did best of the few ways tried on the bundled sample.

    Args:
        vectors: (tokens, d) float32.
        role: of their text.
    """
    squares = np.square(vectors).sum(axis=1, keepdims=True)
    rows: NDArray[np.float32] = vectors / np.sqrt(np.maximum(squares, np.float32(1e-24)))
    if role != "query" or not squares.sum() > 0:
        return rows
    return np.asarray(rows * (squares * (len(rows) / squares.sum())), dtype=np.float32)


def with_text(
    vectors: NDArray[np.float32], kept: NDArray[np.bool_], role: Role | None, head: TokenHead
) -> NDArray[np.float32]:
    """The text's own vector and those of its tokens that count: (0, d) where none does.

    Args:
        vectors: (1 + tokens or more, d) float32, padded.
        kept: (tokens,) which of them count.
        role: of the text; of documents the first few count.
        head: says how few.
    """
    rows = np.flatnonzero(kept) + 1
    if role == "document" and head.document_tokens:
        rows = rows[: head.document_tokens]
    return vectors[np.concatenate([[0], rows])] if len(rows) else vectors[:0]


def shorten(vectors: NDArray[np.float32], dim: int) -> NDArray[np.float32]:
    """The first `dim` values of each vector, brought back to length 1; the first unit vector where they are zeros."""
    short = vectors[:, :dim]
    norms = np.linalg.norm(short, axis=1, keepdims=True)
    first = np.eye(1, dim, dtype=np.float32)
    return np.where(norms > 0, short / np.maximum(norms, np.float32(1e-12)), first)
