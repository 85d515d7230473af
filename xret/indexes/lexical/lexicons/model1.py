"""IBM Model 1: translation probabilities of terms from parallel texts.

Brown, Della Pietra, Della Pietra & Mercer 1993, "The mathematics of statistical machine translation", section 4.1:
every term of a target text is made by one term of its source text or by none, whichever, with t(target | source) found
by expectation maximisation. Word order plays no part, which suits a search for words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Texts", "Translations", "chosen_pairs", "translations"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
LINKS = 24_000_000  # pairs of terms that stand in parallel texts: some 700 MB while they are numbered
LONGEST = 60  # terms; longer texts are aligned by chance and cost most


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts as numbers of terms.

    Attributes:
        terms: the distinct terms, in the order of their numbers.
        numbers: (total,) int64, text after text.
        lengths: (n,) int64.
    """

    terms: Sequence[str]
    numbers: Ints
    lengths: Ints

    def of(self, rows: Ints) -> Texts:
        """Some of the texts."""
        starts = np.cumsum(self.lengths) - self.lengths
        lengths = self.lengths[rows]
        places = np.repeat(starts[rows] - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())
        return Texts(self.terms, self.numbers[places], lengths)


@dataclass(frozen=True, eq=False)
class Translations:
    """Probabilities above 0, by source term and then target term.

    Attributes:
        source: (p,) int64 numbers of source terms.
        target: (p,) int64 numbers of target terms.
        probability: (p,) float64 of the target term given the source term.
    """

    source: Ints
    target: Ints
    probability: Floats


def chosen_pairs(source: Texts, target: Texts, *, seed: int = 0, links: int = LINKS) -> Ints:
    """Ascending numbers of the pairs to learn from: a random choice that makes at most `links` links.

    Texts without terms and very long ones are left out.
    """
    usable = (source.lengths > 0) & (target.lengths > 0) & (source.lengths <= LONGEST) & (target.lengths <= LONGEST)
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(usable))
    cost = np.cumsum((source.lengths[rows] + 1) * target.lengths[rows])
    return np.sort(rows[: int(np.searchsorted(cost, links, side="right"))])


def translations(source: Texts, target: Texts, *, rounds: int = 5) -> Translations:
    """t(target term | source term).

    Args:
        source: n texts.
        target: their n translations.
        rounds: of expectation and maximisation; more fit rare terms too closely.
    """
    sources = len(source.terms)  # the number of the term that is none
    key, slot = _links(source, target, none=sources)
    pairs, link = np.unique(key, return_inverse=True)
    made_by, makes = pairs // len(target.terms), pairs % len(target.terms)
    probability = np.ones(len(pairs))
    for _ in range(rounds):
        weight = probability[link]
        weight /= np.bincount(slot, weight)[slot]
        expected = np.bincount(link, weight, len(pairs))
        probability = expected / np.bincount(made_by, expected, sources + 1)[made_by]
    real = (made_by < sources) & (probability > 0)
    return Translations(made_by[real], makes[real], probability[real])


def _links(source: Texts, target: Texts, *, none: int) -> tuple[Ints, Ints]:
    """(links,) source term x target term of every link, and (links,) the place of its target token."""
    lengths = source.lengths + 1
    with_none = np.insert(source.numbers, np.cumsum(source.lengths), none)  # at the end of every text
    starts = np.repeat(np.cumsum(lengths) - lengths, target.lengths)  # of the source text, for every target token
    sizes = np.repeat(lengths, target.lengths)
    slot = np.repeat(np.arange(len(target.numbers)), sizes)
    place = np.arange(len(slot)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(starts, sizes)
    return with_none[place] * len(target.terms) + target.numbers[slot], slot
