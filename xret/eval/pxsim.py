"""P-xSIM: xsim with two encoders, one to find candidates and another to choose among them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from xret.errors import MismatchError, UsageError
from xret.eval.nearest import unit
from xret.eval.xsim import Margin, checked_k, margin_neighbours

__all__ = ["PxsimScores", "pxsim"]


@dataclass(frozen=True)
class PxsimScores:
    """Errors among sentences; `error` is their quotient, between 0 and 1; `wrong` are their rows."""

    margin: Margin
    k: int
    alpha: float
    errors: int
    sentences: int
    wrong: tuple[int, ...] = field(default=(), repr=False)

    @property
    def error(self) -> float:
        """Error rate."""
        return self.errors / self.sentences


def pxsim(
    src: npt.ArrayLike,
    tgt: npt.ArrayLike,
    src_aux: npt.ArrayLike,
    tgt_aux: npt.ArrayLike,
    *,
    alpha: float,
    margin: Margin = "ratio",
    k: int = 16,
) -> PxsimScores:
    """Error rate from source to target, by row.

    Of the k targets nearest to a source by the first encoder, the one with the highest ``alpha * margin + (1 - alpha) *
    cosine by the other encoder`` is chosen, the nearest among equals.

    Args:
        src: (n, d) vectors of the first encoder; normalised here, as are all.
        tgt: (n, d), row i the translation of row i.
        src_aux: (n, e) vectors of the other encoder.
        tgt_aux: (n, e).
        alpha: the first encoder's share; LASER's example has 0.1 with k 32.
        margin: of the first encoder's scores.
        k: neighbours, cut to n.

    Source: LASER `source/pxsim.py`; Seamless Communication 2023, where the other encoder compares speech.

    Raises:
        MismatchError: the sides differ in shape, the encoders in rows.
        UsageError: k below 1, an unknown margin, or an alpha that is not between 0 and 1.
    """
    x, y, x_aux, y_aux = (
        unit(each, name)
        for each, name in ((src, "src"), (tgt, "tgt"), (src_aux, "src by the other"), (tgt_aux, "tgt by the other"))
    )
    if x.shape != y.shape or x_aux.shape != y_aux.shape or len(x) != len(x_aux) or len(x) == 0:
        raise MismatchError(
            f"the sides must be parallel, row by row; found shapes {x.shape} and {y.shape}, by the other encoder "
            f"{x_aux.shape} and {y_aux.shape}"
        )
    if not (math.isfinite(alpha) and 0 <= alpha <= 1):
        raise UsageError(f"alpha = {alpha}: wanted a number between 0 and 1, such as 0.1")
    k = checked_k(margin, k, len(x))
    ids, scores = margin_neighbours(x, y, margin=margin, k=k)
    for place in range(k):  # a column at a time: n * e numbers at once, not n * k * e
        cosine = np.einsum("nd,nd->n", x_aux, y_aux[ids[:, place]], dtype=np.float64)
        scores[:, place] = alpha * scores[:, place] + (1 - alpha) * cosine
    chosen = ids[np.arange(len(x)), scores.argmax(axis=1)]
    wrong = np.flatnonzero(chosen != np.arange(len(x)))
    return PxsimScores(margin, k, alpha, len(wrong), len(x), tuple(wrong.tolist()))
