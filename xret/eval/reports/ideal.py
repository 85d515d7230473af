"""Which end of a measure is the good one."""

from __future__ import annotations

import math
from collections.abc import Iterable

from xret.eval.fairness import meanings

__all__ = ["distance", "ideals"]

UNRANKED = ("Judged", "LPR", "f1_low", "f1_high")  # neither more nor less of them is better
LESS = ("error",)


def ideals(measures: Iterable[str]) -> dict[str, float]:
    """Measure -> its ideal value, infinity where more is better; those where neither is are left out."""
    found = {name: _ideal(name) for name in measures}
    return {name: value for name, value in found.items() if not math.isnan(value)}


def distance(value: float, measure: str) -> float:
    """By which values are put in order, the best first; undefined ones last."""
    ideal = _ideal(measure)
    if math.isnan(value):
        return math.inf
    return -value if math.isnan(ideal) or math.isinf(ideal) else abs(value - ideal)


def _ideal(measure: str) -> float:
    name = measure.partition("@")[0]
    if name in UNRANKED:
        return math.nan
    if name in LESS:
        return 0.0
    fair = {each.partition("@")[0]: ideal for each, (ideal, _) in meanings(1, 1).items()}.get(name, "-")
    return math.inf if fair == "-" else float(fair)
