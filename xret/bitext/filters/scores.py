"""Pairs whose score is too low to believe, and those whose score is too high to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.bitext.filters.filter import PairFilter, Verdict
from xret.errors import UsageError

__all__ = ["ScoreCap", "ScoreFloor"]


@dataclass(frozen=True)
class ScoreFloor(PairFilter):
    """Keeps ``score >= limit``, and pairs without a score.

    Raises:
        UsageError: the limit is NaN.
    """

    reason: ClassVar[str] = "score-floor"
    limit: float

    def __post_init__(self) -> None:
        """Refuse what no score reaches."""
        _number("lowest", self.limit)

    def judge(self, pairs: pa.Table) -> Verdict:
        """Look at the scores alone."""
        return _kept(pairs, pc.greater_equal(pairs["score"], self.limit))


@dataclass(frozen=True)
class ScoreCap(PairFilter):
    """Keeps ``score <= limit``, and pairs without a score.

    Margins far above the rest of a list are often wrong: sentences with hardly any neighbours, whose mean cosine, the
    divisor of a ratio, is nearly nothing. stopes cuts at 1.25 (vectors of LASER3, k = 16).

    Raises:
        UsageError: the limit is NaN.
    """

    reason: ClassVar[str] = "score-cap"
    limit: float

    def __post_init__(self) -> None:
        """Refuse what no score reaches."""
        _number("highest", self.limit)

    def judge(self, pairs: pa.Table) -> Verdict:
        """Look at the scores alone."""
        return _kept(pairs, pc.less_equal(pairs["score"], self.limit))


def _number(what: str, limit: float) -> None:
    if np.isnan(limit):
        raise UsageError(f"the {what} score allowed is nan, which no score reaches; wanted a number")


def _kept(pairs: pa.Table, within: pa.ChunkedArray) -> Verdict:
    keep = pc.fill_null(within, True).to_numpy().astype(bool)
    bare = pairs["score"].null_count
    kept = "one pair without a score was kept" if bare == 1 else f"{bare:,} pairs without a score were kept"
    return Verdict(keep, kept if bare else "")
