"""Scores in bins of a round width."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xret.reports.bins import BINS, TAIL, round_width

__all__ = ["Histogram", "histogram"]


@dataclass(frozen=True)
class Histogram:
    """Numbers of kept and of dropped pairs by score.

    Attributes:
        low: (b,) float64: where each bin begins; all are `width` wide. Scores below the first bin count in it, those
            above the last in that.
        width: a round number: 1, 2 or 5 times a power of ten.
        kept, dropped: (b,) int64.
        unscored: pairs without a score, in no bin.
    """

    low: NDArray[np.float64]
    width: float
    kept: NDArray[np.int64]
    dropped: NDArray[np.int64]
    unscored: int

    def labels(self) -> list[str]:
        """Where each bin begins, with the digits that its width needs."""
        digits = max(0, -math.floor(math.log10(self.width)))
        return [f"{edge:.{digits}f}" for edge in self.low.tolist()]


def histogram(kept: NDArray[np.float64], dropped: NDArray[np.float64]) -> Histogram:
    """Scores (n,) and (m,), NaN for pairs without one, in up to 40 bins."""
    both = np.concatenate([kept, dropped])
    scores = both[np.isfinite(both)]
    if not len(scores):
        nothing = np.empty(0, np.int64)
        return Histogram(np.empty(0), 1.0, nothing, nothing, len(both))
    first, last = np.quantile(scores, [TAIL, 1 - TAIL])
    width = round_width(float(last - first) / (BINS - 2))
    start, bins = math.floor(first / width), math.floor(last / width) - math.floor(first / width) + 1
    counts = []
    for each in (kept, dropped):
        place = np.floor(each[np.isfinite(each)] / width).astype(np.int64) - start
        counts.append(np.bincount(np.clip(place, 0, bins - 1), minlength=bins).astype(np.int64))
    return Histogram((start + np.arange(bins)) * width, width, counts[0], counts[1], len(both) - len(scores))
