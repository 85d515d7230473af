"""PEER, the probability of equal expected rank."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from xret.errors import UsageError
from xret.eval.fairness.chi2 import chi2_tail
from xret.eval.fairness.found import Floats, Found

__all__ = ["peer"]


def peer(found: Found, cutoff: int, *, weights: Mapping[int, float] | None = None) -> Floats:
    """(n,) PEER@cutoff of every query; NaN where it is not defined.

    For the documents of one relevance, Kruskal and Wallis' test that those of all languages are expected at the same
    rank: with N documents, n_l of them of language l,

        H = (N - 1) * sum over l of n_l * (mean rank of l - mean rank)^2 / sum over documents of (rank - mean rank)^2

    and p = P(chi-squared of L - 1 degrees >= H): 1 is fair. Documents that are not among the first `cutoff` share the
    mean of the places after the last one that was retrieved (the authors' program puts them at the number of relevant
    documents instead, which may be before others that were found). PEER is the sum of weight * p over the levels of
    relevance that a query has.

    Not defined, and NaN: a level of one language only (the authors' program says 1), and one where every language has
    one document: H is L - 1 then, whatever the ranks.

    Args:
        found: see `find`.
        cutoff: ranks that count.
        weights: relevance -> weight; None: all levels above 0 alike. Levels that are not defined for a query give
            theirs to the others.

    Source: Yang, Jänich, Mayfield & Lawrie, "Language fairness in multilingual information retrieval", SIGIR 2024.

    Raises:
        UsageError: cutoff below 1, or weights that are negative or all 0.
    """
    if cutoff < 1:
        raise UsageError(f"cutoff is {cutoff}; wanted at least 1")
    if weights is not None and (min(weights.values(), default=0) < 0 or not any(weights.values())):
        raise UsageError("weights of PEER must be 0 or more, one of them above 0")
    levels = dict.fromkeys(np.unique(found.relevance).tolist(), 1.0) if weights is None else dict(weights)
    total, weight = np.zeros(len(found.qids)), np.zeros(len(found.qids))
    for level, each in levels.items():
        p = _equal_ranks(found.only(level), cutoff)
        known = ~np.isnan(p)
        total[known] += each * p[known]
        weight[known] += each
    defined = weight > 0
    mean: Floats = np.where(defined, total / np.where(defined, weight, 1), np.nan)
    return mean


def _equal_ranks(found: Found, cutoff: int) -> Floats:
    """(n,) the p of one level."""
    n, size = len(found.qids), len(found.languages)
    place = found.places(cutoff)
    cell = found.query * size + found.language
    held = np.bincount(cell, minlength=n * size).reshape(n, size)
    documents, languages = held.sum(axis=1), (held > 0).sum(axis=1)
    defined = (languages >= 2) & (documents > languages)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(found.query, place, n) / documents
        means = np.bincount(cell, place, n * size).reshape(n, size) / held
        between = np.nansum(held * (means - mean[:, None]) ** 2, axis=1)
        h = (documents - 1) * between / np.bincount(found.query, (place - mean[found.query]) ** 2, n)
    h = np.where(np.isfinite(h), h, 0.0)  # all at one place, such as none retrieved: no language is ahead
    p = np.full(n, np.nan)
    for row in np.flatnonzero(defined):
        p[row] = chi2_tail(float(h[row]), int(languages[row]) - 1)
    return p
