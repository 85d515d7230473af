"""xsim: the share of sentences whose best-scoring candidate by margin is not their translation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from xret.errors import MismatchError, UsageError
from xret.eval.nearest import top_k, unit

__all__ = ["Margin", "XsimScores", "text_codes", "xsim"]

Floats = npt.NDArray[np.float64]
Margin = Literal["ratio", "distance", "absolute"]


@dataclass(frozen=True)
class XsimScores:
    """Errors among sentences; `error` is their quotient, between 0 and 1."""

    margin: Margin
    k: int
    errors: int
    sentences: int

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
    nearest targets, and of y to its k nearest sources. Row i must choose row i.

    Args:
        src: (n, d) vectors; normalised here.
        tgt: (n, d) vectors, row i the translation of row i.
        margin: how candidates are scored.
        k: neighbours, cut to n.
        same: (n,) codes of the target texts; choosing another row of the same text is then no error, as in LASER's
            ``eval.py``. None: by row.

    Source: LASER `source/xsim.py`; Artetxe & Schwenk, ACL 2019, section 3 for the margins.

    Raises:
        MismatchError: the sides differ in shape or are empty.
        UsageError: k below 1, or an unknown margin.
    """
    x, y = unit(src, "src"), unit(tgt, "tgt")
    if x.shape != y.shape or len(x) == 0:
        raise MismatchError(f"the two sides must be parallel, row by row; found shapes {x.shape} and {y.shape}")
    if k < 1 or margin not in ("ratio", "distance", "absolute"):
        raise UsageError(
            f"margin '{margin}' with k {k} cannot be; wanted ratio, distance or absolute, and k of 1 or more"
        )
    k = min(k, len(x))
    ids, cosines = top_k(x, y, k)
    scores = cosines.astype(np.float64)
    if margin != "absolute":
        backward = top_k(y, x, k)[1].mean(axis=1, dtype=np.float64)
        mean = (scores.mean(axis=1, keepdims=True) + backward[ids]) / 2
        scores = scores - mean if margin == "distance" else _over(scores, mean)
    chosen = ids[np.arange(len(x)), scores.argmax(axis=1)]
    code = np.arange(len(x)) if same is None else same
    return XsimScores(margin, k, int((code[chosen] != code).sum()), len(x))


def _over(scores: Floats, mean: Floats) -> Floats:
    """Quotient; 0 where the mean is 0, which says nothing of the candidate."""
    return np.divide(scores, mean, out=np.zeros_like(scores), where=mean != 0)


def text_codes(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """(n,) row of the first equal text of each text, for `same`."""
    first: dict[str, int] = {}
    return np.array([first.setdefault(text, row) for row, text in enumerate(texts)], np.int64)
