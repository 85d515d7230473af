"""Pairs by their English string: the same sentence in other languages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Siblings"]

_TRIES = 4  # to meet another language


@dataclass(frozen=True)
class Siblings:
    """Which pairs share an English string.

    Attributes:
        langs: (pairs,) int64 code of each pair's language.
        order: (pairs,) int64 pairs sorted by English string.
        starts: (English strings + 1,) int64, where each string's pairs begin in `order`.
    """

    langs: np.ndarray
    order: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, english_of: np.ndarray, langs: np.ndarray, *, strings: int) -> Siblings:
        """Sort the pairs.

        Args:
            english_of: (pairs,) int64, which English string a pair has.
            langs: (pairs,) int64.
            strings: how many English strings there are.
        """
        order = np.argsort(english_of, kind="stable")
        return cls(langs, order, np.searchsorted(english_of[order], np.arange(strings + 1)))

    def draw(self, english: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """One pair of each English string, at random; int64."""
        first, count = self.starts[english], self.starts[english + 1] - self.starts[english]
        return np.asarray(self.order[first + (rng.random(len(english)) * count).astype(np.int64)])

    def prefer(self, english: np.ndarray, langs: np.ndarray, rng: np.random.Generator, *, tries: int) -> np.ndarray:
        """As `draw`, in the languages `langs` where some tries meet them."""
        best = self.order[self.starts[english]]
        for _ in range(tries):
            drawn = self.draw(english, rng)
            best = np.where((self.langs[best] != langs) & (self.langs[drawn] == langs), drawn, best)
        return np.asarray(best)

    def abroad(self, pairs: np.ndarray, english: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """For each pair one of its English string in another language, and whether a few tries met one (bool)."""
        own, best = self.langs[pairs], pairs
        for _ in range(_TRIES):
            best = np.where(self.langs[best] == own, self.draw(english, rng), best)
        return best, self.langs[best] != own
