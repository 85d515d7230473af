"""How much the vectors of a document count in MaxSim, by their place: the beginning says what it is about."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["faded"]


def faded(places: npt.NDArray[np.int64], fade: float) -> npt.NDArray[np.float32]:
    """1 / sqrt(1 + place / fade), the factor of each vector's dot products; 1 everywhere for a fade of 0.

    Of two pages that both name a thing, the one that begins with it is about it. Found on manual pages, not in the
    literature: BM25 and ColBERT see a document as a bag.

    Args:
        places: (n,) places in the document, from 0.
        fade: vectors after which a factor has fallen to 1 / sqrt(2).
    """
    if not fade:
        return np.ones(len(places), np.float32)
    return np.asarray(1 / np.sqrt(1 + places / fade), np.float32)
