"""AWRF, attention-weighted rank fairness: each language's share of the reader's attention against its due."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from xret.eval.fairness.found import Floats, Found

__all__ = ["attention", "awrf", "due"]


def awrf(found: Found, cutoff: int) -> Floats:
    """(n,) AWRF@cutoff: 1 - Jensen-Shannon divergence (in bits) of attention and due; NaN where nothing is relevant.

    1 is fair, 0 is all attention where none is due, or no result at all. With fewer places than languages no list
    reaches 1.

    Source: Sapiezynski, Zeng, Robertson, Mislove & Wilson, "Quantifying the impact of user attention on fair group
    representation in ranked lists", WWW Companion 2019; logarithmic discount and Jensen-Shannon divergence as in the
    TREC Fair Ranking tracks of 2021 and 2022 (Ekstrand, McDonald, Raj & Johnson).
    """
    given, wanted = attention(found, cutoff), due(found)
    # Other languages' documents take attention too: a column of their own, where nothing is due.
    wanted = np.column_stack([wanted, np.zeros(len(wanted))])
    middle = (given + wanted) / 2
    divergence = (_information(given, middle) + _information(wanted, middle)) / 2
    fair: Floats = np.where(given.any(axis=1), 1 - np.clip(divergence, 0, 1), 0.0)
    return np.where(wanted.any(axis=1), fair, np.nan)


def attention(found: Found, cutoff: int) -> Floats:
    """(n, l + 1) share of 1 / log2(rank + 1) over the first `cutoff`, by language, the last column for all others.

    Rows of 0 for queries without results.
    """
    n, size = len(found.qids), len(found.languages) + 1
    top = found.shown_rank <= cutoff
    language = np.where(found.shown_language[top] < 0, size - 1, found.shown_language[top])
    weight = 1 / np.log2(found.shown_rank[top] + 1.0)
    total = np.bincount(found.shown_query[top] * size + language, weight, n * size).reshape(n, size)
    return _shares(total)


def due(found: Found) -> Floats:
    """(n, l) share of each language in the relevant documents of the query; rows of 0 where there are none."""
    n, size = len(found.qids), len(found.languages)
    return _shares(np.bincount(found.query * size + found.language, minlength=n * size).reshape(n, size))


def _shares(amount: npt.NDArray[Any]) -> Floats:
    total = amount.sum(axis=1, keepdims=True)
    share: Floats = np.divide(amount, total, out=np.zeros(amount.shape), where=total > 0)
    return share


def _information(p: Floats, q: Floats) -> Floats:
    """(n,) sum of p * log2(p / q), 0 where p is 0."""
    ratio = np.divide(p, q, out=np.ones_like(p), where=p > 0)
    total: Floats = (p * np.log2(ratio)).sum(axis=1)
    return total
