"""The tail of the chi-squared distribution, for whole degrees of freedom."""

from __future__ import annotations

import math

__all__ = ["chi2_tail"]


def chi2_tail(x: float, freedom: int) -> float:
    """P(X >= x) of a chi-squared variable.

    The finite sums of Abramowitz & Stegun, Handbook of Mathematical Functions, 26.4.4 and 26.4.5.

    Args:
        x: 0 or more.
        freedom: degrees of freedom, 1 or more.
    """
    half = x / 2
    if half <= 0:
        return 1.0
    total = math.erfc(math.sqrt(half)) if freedom % 2 else 0.0
    power = 0.5 if freedom % 2 else 0.0
    while power < freedom / 2:
        total += math.exp(power * math.log(half) - half - math.lgamma(power + 1))
        power += 1
    return min(total, 1.0)
