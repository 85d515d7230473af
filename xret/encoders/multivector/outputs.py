"""What multi-vector models give besides vectors per token: weights per token of the vocabulary, and all at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["AllVectors", "TokenWeights", "heaviest"]


@dataclass(frozen=True)
class TokenWeights:
    """A text as weights of the vocabulary's tokens; all others weigh nothing."""

    ids: NDArray[np.int64]  # (tokens,), ascending
    weights: NDArray[np.float32]  # (tokens,), greater than 0


@dataclass(frozen=True)
class AllVectors:
    """All that a model makes of some texts, from one pass."""

    sentences: NDArray[np.float32]  # (texts, dim) rows of length 1
    tokens: list[NDArray[np.float32]]  # per text (tokens, token_dim) rows of length 1
    weights: list[TokenWeights]  # per text


def heaviest(ids: NDArray[np.int64], weights: NDArray[np.float32], ignored: tuple[int, ...]) -> TokenWeights:
    """The largest weight that any token of a text gives each id (Chen et al. 2024, section 3.1).

    Args:
        ids: (tokens,) of the text.
        weights: (tokens,) of its tokens.
        ignored: ids that weigh nothing.
    """
    known, place = np.unique(ids, return_inverse=True)
    most = np.zeros(len(known), np.float32)
    np.maximum.at(most, place, weights)
    counts = (most > 0) & ~np.isin(known, ignored)
    return TokenWeights(known[counts], most[counts])
