"""Whether a ranking prefers the language of the query, and what stands first: right or wrong text and language."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from xret.eval.fairness.found import Floats, Found

__all__ = ["FIRST", "first_documents", "language_preference"]

FIRST = ("relevant, own language", "relevant, other language", "other, own language", "other, other language")


def language_preference(found: Found) -> Floats:
    """(n,) 1 where the first relevant document retrieved is in the query's language, 0 where it is in another.

    The mean is a language preference rate: of the queries for which something relevant was found, how many see it in
    their own language first. NaN where nothing relevant is retrieved, the query's language is not known, or what is
    relevant is not in that language and another: then there is nothing to prefer.

    After the language preference rate of Jang, Hong, Moon & Lim, "MLAIRE", arXiv:2605.07249, 2026.
    """
    n, size = len(found.qids), len(found.languages)
    rank = np.where(found.rank > 0, found.rank, np.inf)
    best = np.full((n, size), np.inf)
    np.minimum.at(best, (found.query, found.language), rank)
    own = np.where(found.own >= 0, found.own, 0)
    mine, first = best[np.arange(n), own], best.min(axis=1)
    return np.where(_choice(found) & np.isfinite(first), (mine == first).astype(np.float64), np.nan)


def first_documents(found: Found) -> Floats:
    """(n, 4) which of `FIRST` the first document is: 1 in one column; NaN where nothing is retrieved or to choose.

    Right or wrong text, and right or wrong language: the split of Jang et al. (see `language_preference`).
    """
    n = len(found.qids)
    relevant, own = np.zeros(n, bool), np.zeros(n, bool)
    relevant[found.query[found.rank == 1]] = True
    first = found.shown_rank == 1
    own[found.shown_query[first]] = found.shown_language[first] == found.own[found.shown_query[first]]
    classes = np.zeros((n, 4))
    classes[np.arange(n), 2 * ~relevant + ~own] = 1
    classes[~_choice(found) | (found.retrieved == 0)] = np.nan
    return classes


def _choice(found: Found) -> npt.NDArray[np.bool_]:
    """(n,) whether there are relevant documents in the query's language, and in another."""
    n, size = len(found.qids), len(found.languages)
    there = np.zeros((n, size), bool)
    there[found.query, found.language] = True
    own: npt.NDArray[np.bool_] = there[np.arange(n), np.where(found.own >= 0, found.own, 0)] & (found.own >= 0)
    own &= there.sum(axis=1) > 1
    return own
