"""Which texts go through the encoder together: of like length, within a budget of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from xret.encoders.tokenizer import Tokens

__all__ = ["WINDOW_TEXTS", "batches", "pad", "token_budget", "windows"]

WINDOW_TEXTS, _WINDOW_CHARACTERS = 16_384, 4_000_000


def token_budget(*, device: str) -> int:
    """Padded tokens per batch.

    On a CPU small batches stay in the cache: twice as fast as batches of 16 k tokens (measured on MiniLM-L6 and on
    static models). A GPU wants to be filled. The number does not follow the threads: the last bits of a vector depend
    on the shape of its batch, and results shall be the same on any number of cores.
    """
    return 65_536 if device == "cuda" else 2048


def windows(texts: Sequence[str]) -> Iterator[range]:
    """Successive row ranges that are tokenised and sorted at once; bounded in texts and characters."""
    start = size = 0
    for row, text in enumerate(texts):
        size += len(text)
        if row > start and (size > _WINDOW_CHARACTERS or row - start >= WINDOW_TEXTS):
            yield range(start, row)
            start, size = row, len(text)
    if start < len(texts):
        yield range(start, len(texts))


def batches(lengths: NDArray[np.int64], budget: int) -> Iterator[NDArray[np.int64]]:
    """Rows sorted by length, longest first, cut where rows x longest would pass `budget`; ties keep their order."""
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        rows = max(1, budget // max(1, int(lengths[order[start]])))
        yield order[start : start + rows]
        start += rows


def pad(tokens: Tokens, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids and attention mask of some texts, both (rows, longest) and padded on the right with id 0, which is masked."""
    lengths = tokens.lengths[rows]
    columns = np.arange(max(1, int(lengths.max(initial=0))))
    real = columns < lengths[:, None]
    at = np.where(real, tokens.starts[rows][:, None] + columns, 0)
    ids = np.where(real, tokens.ids[at] if len(tokens.ids) else 0, 0)
    return ids, real.astype(np.int64)
