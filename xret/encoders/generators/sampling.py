"""Choosing the next token: the best one, or one of the best by chance that a seed decides."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xret.artifact import digest
from xret.errors import UsageError

__all__ = ["Sampling", "draws", "pick"]


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Top-k sampling (Fan, Lewis & Dauphin 2018): one of the `top_k` likeliest tokens, as likely as the model says."""

    top_k: int = 10
    temperature: float = 1.0  # below 1 the likelier ones are likelier still
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what no model could mend."""
        if self.top_k < 1:
            raise UsageError(f"top_k is {self.top_k}; sample from at least 1 token")
        if not (self.temperature > 0 and math.isfinite(self.temperature)):
            raise UsageError(f"temperature is {self.temperature}; wanted a number above 0")


def draws(seed: int, key: str, number: int, steps: int) -> NDArray[np.float64]:
    """(steps,) uniform numbers in [0, 1) that seed, text and the number of the continuation decide, and nothing else.

    So what is written for a text does not depend on which texts it is in a batch with.
    """
    return np.random.Generator(np.random.Philox(key=int(digest(seed, key, number)[:32], 16))).random(steps)


def pick(logits: NDArray[np.float32], drawn: NDArray[np.float64], *, temperature: float) -> NDArray[np.int64]:
    """Which of each row's candidates to take.

    Args:
        logits: (rows, k), largest first.
        drawn: (rows,) uniform in [0, 1).
        temperature: of the softmax over the k.

    Returns:
        (rows,) columns of `logits`.
    """
    scaled = logits.astype(np.float64) / temperature
    shares = np.cumsum(np.exp(scaled - scaled[:, :1]), axis=1)
    found = (shares <= drawn[:, None] * shares[:, -1:]).sum(axis=1)
    return np.asarray(np.minimum(found, logits.shape[1] - 1), np.int64)
