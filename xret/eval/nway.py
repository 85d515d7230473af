"""xsim between every two of many languages."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xret.errors import MismatchError
from xret.eval.nearest import top_k, unit
from xret.eval.xsim import Margin, Neighbours, checked_k, scored_neighbours

__all__ = ["NwayScores", "xsim_nway"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NwayScores:
    """Errors between languages.

    Attributes:
        langs: L names.
        errors: (L, L) int64, row: from, column: to; 0 on the diagonal, which counts nowhere.
        sentences: in each language.
        margin, k: as given, k cut to the number of sentences.
    """

    langs: tuple[str, ...]
    errors: npt.NDArray[np.int64]
    sentences: int
    margin: Margin
    k: int

    @property
    def rates(self) -> Floats:
        """(L, L) error rates, NaN on the diagonal."""
        rates = self.errors / self.sentences
        np.fill_diagonal(rates, np.nan)
        return rates

    @property
    def from_each(self) -> Floats:
        """(L,) mean rate from a language to the others."""
        return np.asarray(np.nanmean(self.rates, axis=1), np.float64)

    @property
    def to_each(self) -> Floats:
        """(L,) mean rate to a language from the others: the row ``avg`` of LASER's table."""
        return np.asarray(np.nanmean(self.rates, axis=0), np.float64)

    @property
    def mean(self) -> float:
        """Mean rate over all pairs of two languages: LASER's ``Global average``."""
        return float(np.nanmean(self.rates))


def xsim_nway(
    vectors: Mapping[str, npt.ArrayLike],
    *,
    margin: Margin = "ratio",
    k: int = 4,
    same: Mapping[str, npt.NDArray[np.integer]] | None = None,
) -> NwayScores:
    """`xret.eval.xsim.xsim` from every language to every other.

    Args:
        vectors: language -> (n, d), row i of all being translations of one another; at least two.
        margin: how candidates are scored.
        k: neighbours, cut to n.
        same: language -> (n,) codes of its texts (`text_codes`), as LASER compares; None: by row.

    Source: LASER `source/eval.py --nway`.

    Raises:
        MismatchError: fewer than two languages, or sides that differ in shape.
        UsageError: k below 1, or an unknown margin.
    """
    langs = tuple(vectors)
    if len(langs) < 2:
        raise MismatchError(f"wanted two languages or more to compare; found {', '.join(langs) or 'none'}")
    units = [unit(each, lang) for lang, each in vectors.items()]
    odd = next((place for place, each in enumerate(units) if each.shape != units[0].shape), None)
    if odd is not None or not len(units[0]):
        found = f"{langs[0]} has shape {units[0].shape}, {langs[odd or 1]} {units[odd or 1].shape}"
        raise MismatchError(f"the languages must be parallel, row by row; found that {found}")
    k = checked_k(margin, k, len(units[0]))
    codes = [np.arange(len(units[0])) if same is None else same[lang] for lang in langs]
    errors = np.zeros((len(langs), len(langs)), np.int64)
    for one, other in itertools.combinations(range(len(langs)), 2):  # neighbours serve both directions
        there, back = top_k(units[one], units[other], k), top_k(units[other], units[one], k)
        errors[one, other] = _errors(there, back, margin, codes[other])
        errors[other, one] = _errors(back, there, margin, codes[one])
    return NwayScores(langs, errors, len(units[0]), margin, k)


def _errors(there: Neighbours, back: Neighbours, margin: Margin, code: npt.NDArray[np.integer]) -> int:
    ids = there[0]
    scores = scored_neighbours(there, None if margin == "absolute" else back, margin)
    chosen = ids[np.arange(len(ids)), scores.argmax(axis=1)]
    return int((code[chosen] != code).sum())
