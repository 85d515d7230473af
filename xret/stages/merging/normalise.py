"""Scores of groups of rows brought to one scale; a group is a query's list of one run, or of one language."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Floats", "Ints", "least", "minmax", "zscore"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_HUGE = 1e100


def zscore(score: Floats, group: Ints) -> Floats:
    """(score - mean) / standard deviation, each of the row's group; 0 where all scores of a group are equal.

    Args:
        score: (n,) finite.
        group: (n,) numbers from 0.

    Source: Montague & Aslam, "Relevance score normalization for metasearch", CIKM 2001 (zero mean, unit variance);
    for lists in several languages Savoy, "Report on CLEF-2003 multilingual tracks", CLEF 2003.
    """
    score, size = _moderate(score, group), np.bincount(group)
    with np.errstate(invalid="ignore"):  # numbers that no row has
        off = score - (np.bincount(group, score) / size)[group]
        spread = np.sqrt(np.bincount(group, off**2) / size)[group]
    # Equal scores may differ from their rounded mean in the last digit: that is no spread.
    real = spread > 1e-12 * np.maximum(np.abs(score), 1e-300)
    return np.divide(off, spread, out=np.zeros(len(score)), where=real)


def minmax(score: Floats, group: Ints) -> Floats:
    """(score - least) / (most - least), each of the row's group: from 0 to 1; 1 where all scores are equal.

    Args:
        score: (n,) finite.
        group: (n,) numbers from 0.

    Source: Lee, "Analyses of multiple evidence combination", SIGIR 1997.
    """
    score = _moderate(score, group)
    low = least(score, group)[group]
    reach = -least(-score, group)[group] - low
    return np.divide(score - low, reach, out=np.ones(len(score)), where=reach > 0)


def _moderate(score: Floats, group: Ints) -> Floats:
    """The scores; those of groups with huge ones on a smaller scale, so that neither squares nor sums overflow."""
    largest = -least(-np.abs(score), group)[group]
    return np.where(largest > _HUGE, score / np.maximum(largest, _HUGE), score)


def least(value: Floats, group: Ints) -> Floats:
    """(number of groups,) the least value of every group; infinity for numbers that no row has."""
    found = np.full(int(group.max(initial=-1)) + 1, np.inf)
    np.minimum.at(found, group, value)
    return found
