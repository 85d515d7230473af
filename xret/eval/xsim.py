"""xsim: the share of sentences whose best-scoring candidate by margin is not their translation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from xret.errors import MismatchError, UsageError
from xret.eval.nearest import top_k, unit
from xret.margins import MARGINS, Margin, margin_scores

__all__ = [
    "Margin",
    "Neighbours",
    "XsimScores",
    "checked_k",
    "margin_neighbours",
    "pooled_error",
    "scored_neighbours",
    "text_codes",
    "xsim",
]


Neighbours = tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]  # of `top_k`


@dataclass(frozen=True)
class XsimScores:
    """Errors among sentences; `error` is their quotient, between 0 and 1; `wrong` are their rows."""

    margin: Margin
    k: int
    errors: int
    sentences: int
    wrong: tuple[int, ...] = field(default=(), repr=False)

    @property
    def error(self) -> float:
        """Error rate."""
        return self.errors / self.sentences


def xsim(
    src: npt.ArrayLike,
    tgt: npt.ArrayLike,
    *,
    margin: Margin = "ratio",
    k: int = 4,
    same: npt.NDArray[np.integer] | None = None,
) -> XsimScores:
    """Error rate from source to target.

    Of the k nearest targets y of a source x the one with the highest margin is chosen: cos(x, y) itself
    (``absolute``), or less (``distance``) or over (``ratio``) the mean of two averages: of the cosines of x to its k
    nearest targets, and of y to its k nearest sources (see `xret.margins`). Among equal margins the nearest is chosen.
    Row i must choose row i.

    Args:
        src: (n, d) vectors; normalised here.
        tgt: (n, d) vectors, row i the translation of row i.
        margin: how candidates are scored.
        k: neighbours, cut to n.
        same: (n,) codes of the target texts; choosing another row of the same text is then no error, as in LASER's
            ``eval.py``. None: by row.

    Source: LASER `source/xsim.py`; Artetxe & Schwenk, ACL 2019, section 3 for the margins. LASER also divides by
    means below 0, where the least similar candidate wins.

    Raises:
        MismatchError: the sides differ in shape or are empty.
        UsageError: k below 1, or an unknown margin.
    """
    x, y = unit(src, "src"), unit(tgt, "tgt")
    if x.shape != y.shape or len(x) == 0:
        raise MismatchError(f"the two sides must be parallel, row by row; found shapes {x.shape} and {y.shape}")
    k = checked_k(margin, k, len(x))
    ids, scores = margin_neighbours(x, y, margin=margin, k=k)
    chosen = ids[np.arange(len(x)), scores.argmax(axis=1)]
    code = np.arange(len(x)) if same is None else same
    wrong = np.flatnonzero(code[chosen] != code)
    return XsimScores(margin, k, len(wrong), len(x), tuple(wrong.tolist()))


def checked_k(margin: Margin, k: int, rows: int) -> int:
    """`k`, at most `rows`.

    Raises:
        UsageError: k below 1, or an unknown margin.
    """
    if k < 1 or margin not in MARGINS:
        raise UsageError(
            f"margin '{margin}' with k {k} cannot be; wanted ratio, distance or absolute, and k of 1 or more"
        )
    return min(k, rows)


def margin_neighbours(
    x: npt.NDArray[np.float32], y: npt.NDArray[np.float32], *, margin: Margin, k: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The k nearest rows of y to each row of x, and the margins of these pairs.

    Args:
        x: (n, d) unit rows.
        y: (m, d) unit rows.
        margin: how pairs are scored.
        k: at most n and m.

    Returns:
        (n, k) row numbers by falling cosine, ties by number; (n, k) scores.
    """
    there = top_k(x, y, k)
    return there[0], scored_neighbours(there, None if margin == "absolute" else top_k(y, x, k), margin)


def scored_neighbours(there: Neighbours, back: Neighbours | None, margin: Margin) -> npt.NDArray[np.float64]:
    """The margins of the pairs of a row of x with its k nearest rows of y.

    Args:
        there: `top_k` of x among y.
        back: of y among x; None for ``absolute``, which does not look at it.
        margin: how pairs are scored.

    Returns:
        (n, k) scores.
    """
    ids, cosines = there
    forward = cosines.mean(axis=1, keepdims=True, dtype=np.float64)
    backward = np.zeros_like(ids, np.float64) if back is None else back[1].mean(axis=1, dtype=np.float64)[ids]
    return margin_scores(cosines, forward, backward, margin)


def pooled_error(scores: Iterable[XsimScores], *, least: int = 100) -> float:
    """The average of LASER's tables: all errors over all sentences, sets of less than `least` sentences left out.

    Returns:
        Between 0 and 1; NaN where no set is large enough.
    """
    kept = [score for score in scores if score.sentences >= least]
    total = sum(score.sentences for score in kept)
    return sum(score.errors for score in kept) / total if total else math.nan


def text_codes(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """(n,) row of the first equal text of each text, for `same`."""
    first: dict[str, int] = {}
    return np.array([first.setdefault(text, row) for row, text in enumerate(texts)], np.int64)
