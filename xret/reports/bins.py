"""Bins of a round width, for histograms."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["bins_of", "counted", "round_width"]

BINS = 40  # at most
TAIL = 0.001  # of the values on either end, which share the first and the last bin


def bins_of(values: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """Edges of up to 40 bins for (n,) values; none for none. NaN and infinity do not count."""
    values = values[np.isfinite(values)]
    if not len(values):
        return ()
    first, last = np.quantile(values, [TAIL, 1 - TAIL])
    width = round_width(float(last - first) / (BINS - 2))
    start, end = math.floor(first / width), math.floor(last / width) + 1
    digits = max(0, -math.floor(math.log10(width)))
    return tuple(round(place * width, digits) for place in range(start, end + 1))


def counted(values: npt.NDArray[np.float64], edges: tuple[float, ...]) -> tuple[int, ...]:
    """How many values are in each bin; those outside are in the first and the last."""
    if len(edges) < 2:
        return ()
    place = np.searchsorted(np.array(edges[1:-1]), values[np.isfinite(values)], side="right")
    return tuple(np.bincount(place, minlength=len(edges) - 1).tolist())


def round_width(least: float) -> float:
    """The smallest of 1, 2, 5, 10, ... times a power of ten that is not below `least`."""
    if least <= 0:
        return 0.01
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-12))
