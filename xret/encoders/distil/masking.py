"""Batches of monolingual text with hidden tokens (Devlin et al. 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.tokens import Tokens

__all__ = ["Masked", "draw_masked"]


@dataclass(frozen=True)
class Masked:
    """Texts of which some tokens are hidden.

    Attributes:
        ids: token ids, end to end, with what stands for the hidden ones; int64.
        lengths: tokens of each text; int64.
        places: (hidden tokens,) where in `ids` they were; int64.
        hidden: (hidden tokens,) what they were; int64.
    """

    ids: np.ndarray
    lengths: np.ndarray
    places: np.ndarray
    hidden: np.ndarray


def draw_masked(tokens: Tokens, config: DistilConfig, step: int, *, mask_id: int) -> Masked | None:
    """The masked batch of a step, a function of the options' seed and the step; None where no token was drawn.

    Of the hidden tokens 80 % are replaced by `mask_id`, 10 % by another token of the batch, 10 % stay.
    """
    rng = np.random.default_rng([config.seed, step, 3])
    rows = rng.integers(0, len(tokens.starts) - 1, config.masked_batch)
    ids, lengths = tokens.gather(rows, limit=config.max_tokens)
    places = np.flatnonzero(rng.random(len(ids)) < config.masked_share)
    if not len(places):
        return None
    hidden, fate = ids[places], rng.random(len(places))
    others = ids[rng.integers(0, len(ids), len(places))]
    ids[places] = np.where(fate < 0.8, mask_id, np.where(fate < 0.9, others, hidden))
    return Masked(ids, lengths, places, hidden)
