"""What parallel documents tell: one text in several languages, so that any order of them is the ranking's own."""

from __future__ import annotations

import numpy as np

from xret.eval.fairness.found import Floats, Found

__all__ = ["concordance", "own_first", "rank_distance", "standing"]


def standing(found: Found) -> Floats:
    """(n, l) where a language's first relevant document stands among those of the others: 0 before all, 1 after all.

    Ties (documents that are not retrieved) share their places. NaN where the query has none of the language, or of
    that one only. A mean over queries of 1/2 for every language is fair.
    """
    n, size = len(found.qids), len(found.languages)
    best = _best(found, found.places())
    there = np.isfinite(best)
    others = there.sum(axis=1, keepdims=True) - 1
    before = np.zeros((n, size))
    for other in range(size):  # a language at a time: n * l numbers at once, not n * l * l
        theirs = best[:, other : other + 1]
        before += there[:, other : other + 1] * ((theirs < best) + 0.5 * (theirs == best))
    before -= 0.5  # each ties with itself
    return np.where(there & (others > 0), before / np.maximum(others, 1), np.nan)


def concordance(standings: Floats) -> float:
    """Kendall's W: how much the queries agree on the order of the languages; 0 is fair, 1 the same order always.

    Of `standing`; for queries that have all languages it is Kendall's coefficient, for others what is left of the
    variance of the languages' means over the most that it could be. A preference for the language of the query is
    not seen where queries are in many languages (see `own_first`). NaN where no query has two languages.

    Source: Kendall & Babington Smith, "The problem of m rankings", Annals of Mathematical Statistics 10, 1939.
    """
    there = ~np.isnan(standings)
    count = there.sum(axis=0)
    if not there.any():
        return float("nan")
    mean = np.nansum(standings, axis=0) / np.maximum(count, 1)
    languages = there.sum(axis=1)
    languages = languages[languages > 1].astype(np.float64)
    most = (languages * (languages + 1) / (12 * (languages - 1))).sum()
    return float((count * (mean - 0.5) ** 2).sum() / most)


def own_first(found: Found, standings: Floats) -> Floats:
    """(n,) how many of the other languages' relevant documents stand after that of the query's language, as a share.

    1: it is always before them; 1/2: no preference. NaN where there is none, or the query's language is not known.
    Close in spirit to the language preference rate of Jang, Hong, Moon & Lim, "MLAIRE", arXiv:2605.07249, 2026.
    """
    own = np.where(found.own >= 0, found.own, 0)
    mine = 1 - standings[np.arange(len(own)), own]
    return np.where(found.own >= 0, mine, np.nan)


def rank_distance(found: Found) -> Floats:
    """(n,) rank of the last relevant document's language less that of the first, by their best documents.

    What is not retrieved stands right behind the last document: with short lists this is the least it can be. NaN where
    there are less than two languages.

    Source: Huang, Zeng, Zamani & Allan, "Soft prompt decoding for multilingual dense retrieval", SIGIR 2023 (maximum
    rank distance of parallel documents).
    """
    place = np.where(found.rank > 0, found.rank, found.retrieved[found.query] + 1).astype(np.float64)
    best = _best(found, place)
    there = np.isfinite(best)
    last = np.where(there, best, -np.inf).max(axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(there.sum(axis=1) > 1, last - best.min(axis=1), np.nan)


def _best(found: Found, place: Floats) -> Floats:
    """(n, l) the least place of a query's relevant documents in a language; infinity where there are none."""
    n, size = len(found.qids), len(found.languages)
    best = np.full(n * size, np.inf)
    np.minimum.at(best, found.query * size + found.language, place)
    return best.reshape(n, size)
