"""How good probabilities are: log loss, Brier score and calibration error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xret.errors import MismatchError

__all__ = ["ProbabilityScores", "probability_scores"]

_LEAST = 1e-6  # a probability of 0 for what happens would cost infinitely much


@dataclass(frozen=True)
class ProbabilityScores:
    """What probabilities are worth; less is better in all three.

    Attributes:
        log_loss: mean of -log of the probability of what is the case, in nats.
        brier: mean square of the difference to it.
        calibration_error: mean over ten groups of equal size, by rising probability, of the absolute difference between
            the mean probability and the share of what is the case.
        base: Brier score of always saying the mean: what there was to gain.
    """

    log_loss: float
    brier: float
    calibration_error: float
    base: float


def probability_scores(probability: npt.ArrayLike, right: npt.ArrayLike) -> ProbabilityScores:
    """Score probabilities.

    Args:
        probability: (n,) at least one, between 0 and 1.
        right: (n,) whether it is the case.

    Source: Brier, Monthly Weather Review 78, 1950; Naeini, Cooper & Hauskrecht, AAAI 2015 (here with groups of equal
    size instead of equal width).

    Raises:
        MismatchError: unequal numbers, or none.
    """
    p, y = np.asarray(probability, np.float64), np.asarray(right, np.float64)
    if p.shape != y.shape or p.ndim != 1 or not len(p):
        raise MismatchError(f"wanted as many probabilities as answers, at least one; found {p.shape} and {y.shape}")
    safe = np.clip(p, _LEAST, 1 - _LEAST)
    order = np.argsort(p, kind="stable")
    groups = np.array_split(order, min(10, len(p)))
    error = sum(abs(float(p[group].sum() - y[group].sum())) for group in groups) / len(p)
    return ProbabilityScores(
        log_loss=float(-(y * np.log(safe) + (1 - y) * np.log(1 - safe)).mean()),
        brier=float(((p - y) ** 2).mean()),
        calibration_error=error,
        base=float(y.var()),
    )
