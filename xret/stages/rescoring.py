"""Margins corrected by token vectors: the best few candidates of every sentence, scored again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xret.stages.extract import best_of
from xret.stages.margin import Candidates, Margin

__all__ = ["FEW", "RESCORED_THRESHOLDS", "TOKEN_WEIGHTS", "Rescored", "rescored"]

logger = logging.getLogger("xret")
Ints = NDArray[np.int64]
Scorer = Callable[[Ints, Ints], NDArray[np.float32]]

FEW = 3  # candidates of a sentence that are scored again
TOKEN_WEIGHTS: dict[Margin, float] = {"ratio": 0.75, "distance": 0.25, "absolute": 0.75}
"""What the token score counts beside the margin: the best of five values on seven pairs of languages."""
RESCORED_THRESHOLDS: dict[Margin, float] = {"ratio": 1.55, "distance": 0.22, "absolute": 1.02}
"""As `xret.stages.margin.DEFAULT_THRESHOLDS`, for scores with tokens."""


@dataclass(frozen=True)
class Rescored:
    """Candidates of sources and of targets with new scores, and the token scores of all of them."""

    ahead: Candidates
    back: Candidates
    keys: Ints  # (p,) ascending
    tokens: NDArray[np.float32]  # (p,)

    def of(self, chosen: Candidates) -> NDArray[np.float32]:
        """The token scores of some of the candidates; of one set of sentences, as `extract` gives them."""
        return self.tokens[np.searchsorted(self.keys, _keys(chosen))]


def rescored(
    ahead: Candidates,
    back: Candidates,
    scorer: Scorer,
    *,
    weight: float,
    best: int = 1,
    every: bool = False,
    same: bool = False,
) -> Rescored:
    """Keep the best few candidates of every sentence and add to their margins what their tokens say.

    Args:
        ahead: candidates from the sources' lists, scored by margin.
        back: candidates from the targets' lists.
        scorer: from (n,) source and (n,) target numbers of distinct pairs to (n,) token scores.
        weight: of the token score.
        best: at least so many candidates of a sentence.
        every: all candidates, not only the best few.
        same: both sides are one set of sentences: a pair and the same pair turned have one score.
    """
    if not every:
        ahead, back = best_of(ahead, ahead.src, max(FEW, best)), best_of(back, back.tgt, max(FEW, best))
    asked = [each.turned() if same else each for each in (ahead, back)]
    both = asked[0] + asked[1]
    keys, first = np.unique(_keys(both), return_index=True)
    logger.info(f"tokens: {len(keys):,} candidates scored again")
    tokens = scorer(both.src[first], both.tgt[first])
    added = [weight * tokens[np.searchsorted(keys, _keys(each))].astype(np.float64) for each in asked]
    ahead, back = replace(ahead, score=ahead.score + added[0]), replace(back, score=back.score + added[1])
    return Rescored(ahead, back, keys, tokens)


def _keys(pairs: Candidates) -> Ints:
    keys: Ints = (pairs.src << 32) | pairs.tgt  # rows are far fewer than 2^31
    return keys
