"""Margin scores (Artetxe & Schwenk 2019, "Margin-based Parallel Corpus Mining", ACL, P19-1309): the formula.

A pair's cosine a is set against b, the mean cosine of both sentences to their k nearest neighbours on the other side
(b = half the mean of x's neighbours plus half that of y's): absolute a, distance a - b, ratio a / b.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

__all__ = ["MARGINS", "Margin", "margin_scores"]

Margin = Literal["ratio", "distance", "absolute"]
MARGINS: tuple[Margin, ...] = get_args(Margin)


def margin_scores(
    cosine: NDArray[np.floating[Any]], src_mean: NDArray[np.float64], tgt_mean: NDArray[np.float64], margin: Margin
) -> NDArray[np.float64]:
    """Scores of pairs from their cosines and the neighbour means of their two sentences.

    A ratio over a b that is not positive means nothing (both sentences are near nothing on the other side): it is 0.

    Args:
        cosine: of any shape.
        src_mean: of that shape, or broadcast to it.
        tgt_mean: likewise.
        margin: one of `MARGINS`.

    Returns:
        Scores of the shape of `cosine`, computed in float64.
    """
    a, b = cosine.astype(np.float64), (src_mean + tgt_mean) / 2
    if margin == "absolute":
        return a
    if margin == "distance":
        distance: NDArray[np.float64] = a - b
        return distance
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0)
