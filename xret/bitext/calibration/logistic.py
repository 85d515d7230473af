"""Logistic regression of P(parallel) on the score, or on several columns of a pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from xret.errors import InputError

__all__ = ["Logistic", "fit_logistic"]

Floats = npt.NDArray[np.float64]
_RIDGE = 1e-3  # per column, against weights that grow without end where labels can be parted: less than one pair's say
_STEPS = 100


@dataclass(frozen=True)
class Logistic:
    """P = 1 / (1 + exp(-(bias + weights · columns))).

    Attributes:
        columns: names of the columns of a pair, such as ``score``.
        weights: one per column.
        bias: added to their sum.
    """

    columns: tuple[str, ...]
    weights: tuple[float, ...]
    bias: float

    kind = "logistic"

    def __post_init__(self) -> None:
        """Refuse what no fit gives.

        Raises:
            InputError: no columns, another number of weights, or numbers that are not finite.
        """
        if not len(self.columns) == len(self.weights) > 0 or not np.isfinite([*self.weights, self.bias]).all():
            raise InputError("wanted columns with as many finite weights, and a finite bias")

    def __call__(self, columns: Floats) -> Floats:
        """(n,) probabilities of (n, columns) values."""
        return _sigmoid(columns @ np.array(self.weights) + self.bias)

    def fields(self) -> dict[str, Any]:
        """Plain values that make the same map again."""
        return {"columns": list(self.columns), "weights": list(self.weights), "bias": self.bias}


def fit_logistic(
    columns: Floats, labels: Floats, names: tuple[str, ...] = ("score",), *, weights: Floats | None = None
) -> Logistic:
    """Fit by Newton's method, to labels drawn in a little so that no finite sample makes the map certain.

    Args:
        columns: (n, c) values.
        labels: (n,) 1 for parallel, 0 for not, or between.
        names: c names of the columns.
        weights: (n,) how many pairs each row counts for; None: one.

    Source: Platt, "Probabilistic outputs for support vector machines", 1999, with its targets (N+ + 1) / (N+ + 2) and
    1 / (N- + 2); Lin, Lin & Weng, Machine Learning 68, 2007, for the Newton step with backtracking.
    """
    count = np.ones(len(labels)) if weights is None else weights
    mean = np.average(columns, axis=0, weights=count)
    spread = np.sqrt(np.average((columns - mean) ** 2, axis=0, weights=count))
    spread[spread == 0] = 1  # a constant column gets no weight
    x = np.column_stack([(columns - mean) / spread, np.ones(len(columns))])
    right = float(count @ labels)
    wrong = float(count.sum()) - right
    target = labels * (right + 1) / (right + 2) + (1 - labels) / (wrong + 2)
    found = _newton(x, target, count)
    scaled = found[:-1] / spread
    return Logistic(names, tuple(scaled.tolist()), float(found[-1] - scaled @ mean))


def _newton(x: Floats, target: Floats, count: Floats) -> Floats:
    """The weights of the columns of x, the last being the constant, with the least loss."""
    ridge = np.diag([*[_RIDGE] * (x.shape[1] - 1), 0.0])
    weights = np.zeros(x.shape[1])
    loss = _loss(x, target, count, weights, ridge)
    for _ in range(_STEPS):
        p = _sigmoid(x @ weights)
        slope = x.T @ (count * (p - target)) + ridge @ weights
        bend = (x * (count * p * (1 - p))[:, None]).T @ x + ridge + 1e-12 * np.eye(len(ridge))
        step, scale = np.linalg.solve(bend, slope), 1.0
        while (new := _loss(x, target, count, weights - scale * step, ridge)) > loss and scale > 1e-10:
            scale /= 2
        weights, gained, loss = weights - scale * step, loss - new, new
        if gained <= 1e-10 * max(1.0, abs(loss)):
            break
    return weights


def _sigmoid(z: Floats) -> Floats:
    """Without overflow at either end."""
    return np.asarray(0.5 * (1 + np.tanh(z / 2)), np.float64)


def _loss(x: Floats, target: Floats, count: Floats, weights: Floats, ridge: Floats) -> float:
    z = x @ weights
    return float(count @ (np.logaddexp(0, z) - target * z) + weights @ ridge @ weights / 2)
