"""p-values when several comparisons are made: the more are made, the more come out small by chance."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from xret.eval.statistics.clusters import Floats

__all__ = ["CORRECTIONS", "Correction", "benjamini_hochberg", "corrected", "holm"]

Correction = Literal["holm", "bh", "none"]
CORRECTIONS: tuple[Correction, ...] = ("holm", "bh", "none")


def holm(p: Floats) -> Floats:
    """(m,) p-values corrected so that the chance of any false discovery among all m stays below the level chosen.

    The k-th smallest is multiplied by m - k + 1, and none is less than one that was smaller. Any dependence between the
    comparisons is allowed. Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian
    Journal of Statistics 6, 1979.
    """
    order = np.argsort(p, kind="stable")
    grown = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return _back(np.minimum(grown, 1.0), order)


def benjamini_hochberg(p: Floats) -> Floats:
    """(m,) p-values corrected so that the expected share of false discoveries stays below the level chosen.

    The k-th smallest is multiplied by m / k, and none is greater than one that was greater. For independent or
    positively dependent comparisons. Source: Benjamini & Hochberg, Journal of the Royal Statistical Society B 57, 1995.
    """
    order = np.argsort(p, kind="stable")
    grown = p[order] * len(p) / np.arange(1, len(p) + 1)
    least = np.minimum.accumulate(grown[::-1])[::-1]
    return _back(np.minimum(least, 1.0), order)


def corrected(p: Floats, how: Correction) -> Floats:
    """(m,) p-values, corrected by ``holm`` or ``bh`` over all m, or as they are with ``none``."""
    return p.copy() if how == "none" else (holm if how == "holm" else benjamini_hochberg)(p)


def _back(values: Floats, order: npt.NDArray[np.int64]) -> Floats:
    result = np.empty_like(values)
    result[order] = values
    return result
