"""Isotonic regression: the nondecreasing map from scores to probabilities that fits the labels best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from xret.errors import InputError

__all__ = ["Isotonic", "fit_isotonic", "pooled"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Isotonic:
    """A nondecreasing map of one column: straight lines between knots, level beyond the first and the last.

    Attributes:
        scores: ascending, at least one.
        probabilities: as many, nondecreasing, between 0 and 1.
    """

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    kind = "isotonic"
    columns = ("score",)

    def __post_init__(self) -> None:
        """Refuse what no fit gives.

        Raises:
            InputError: no knots, unequal numbers, or numbers out of order or range.
        """
        x, y = np.array(self.scores, np.float64), np.array(self.probabilities, np.float64)
        good = len(x) == len(y) > 0 and bool(np.isfinite(x).all() and np.isfinite(y).all())
        if not (good and (np.diff(x) > 0).all() and (np.diff(y) >= 0).all() and y[0] >= 0 and y[-1] <= 1):
            raise InputError("wanted ascending scores with as many nondecreasing probabilities between 0 and 1")

    def __call__(self, columns: Floats) -> Floats:
        """(n,) probabilities of (n, 1) scores."""
        return np.interp(columns[:, 0], self.scores, self.probabilities).astype(np.float64)

    def fields(self) -> dict[str, Any]:
        """Plain values that make the same map again."""
        return {"scores": list(self.scores), "probabilities": list(self.probabilities)}


def fit_isotonic(scores: Floats, labels: Floats) -> Isotonic:
    """Fit by pooling adjacent violators; a pool stands at the mean score of its pairs.

    The pools at the two ends, where labels are often all alike, are drawn in by the rule of succession: n labels of 1
    say (n + 1) / (n + 2), not certainty; the order of the pools stays.

    Args:
        scores: (n,) at least one, any order.
        labels: (n,) 1 for parallel, 0 for not, or between where it is known with a probability only.

    Source: Zadrozny & Elkan, "Transforming classifier scores into accurate multiclass probability estimates", KDD 2002;
    Barlow et al., "Statistical inference under order restrictions", 1972, for the pooling.
    """
    level, first, count = np.unique(scores, return_inverse=True, return_counts=True)
    weight = count.astype(np.float64)
    value, size = pooled(np.bincount(first, labels, len(level)) / weight, weight)
    ends = np.cumsum(size)
    begins = ends - size
    pairs = np.add.reduceat(weight, begins)
    centre = np.add.reduceat(level * weight, begins) / pairs
    centre = np.clip(centre, level[begins], level[ends - 1])
    value = np.clip(value, 1 / (pairs[0] + 2), (pairs[-1] + 1) / (pairs[-1] + 2))
    return Isotonic(tuple(centre.tolist()), tuple(value.tolist()))


def pooled(values: Floats, weights: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """The nondecreasing sequence nearest to `values` by weighted squares, as pools of equal value.

    Args:
        values: (n,).
        weights: (n,) above 0.

    Returns:
        (p,) values of the pools, strictly ascending, and (p,) how many of the n each holds.
    """
    value: list[float] = []
    weight: list[float] = []
    size: list[int] = []
    for v, w in zip(values.tolist(), weights.tolist(), strict=True):
        n = 1
        while value and value[-1] >= v:
            below = weight.pop()
            v = (value.pop() * below + v * w) / (below + w)
            w, n = w + below, n + size.pop()
        value.append(v)
        weight.append(w)
        size.append(n)
    return np.array(value), np.array(size, np.int64)
