"""Texts to index terms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from xret.errors import InputError, require
from xret.indexes.lexical.analyzers.scripts import DENSE, SPARSE, normalised, pieces, words
from xret.indexes.lexical.analyzers.table import spec_of

__all__ = ["VERSION", "Analyzer", "analyzer", "analyzer_for", "parse_spec", "stemmer_version"]

VERSION = 1  # raised when a text begins to give other terms
MEMORY = 1 << 18  # words
LONGEST = 255  # characters of a term; what is longer is no word, and is cut
_DENSE, _SPARSE = re.compile(f"[{DENSE}]"), re.compile(f"[{SPARSE}]")
_TURKISH = str.maketrans({"I": "ı", "İ": "i"})
_PERSIAN = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک"})


@dataclass(frozen=True, eq=False)
class Analyzer:
    """Text to terms, the same way for documents and queries; made by `analyzer`.

    Normalised (NFKC, unseen characters gone), lower-cased, cut into words; Han, kana and hangul into bigrams, Thai,
    Lao, Khmer, Myanmar and Tibetan into trigrams; other words stemmed, cut into n-grams, or left as they are.

    Attributes:
        spec: ``stem:ALGORITHM``, ``grams:N`` or ``words``.
        grams: N, 0 for none.
        stemmer: of PyStemmer; None for none.
    """

    spec: str
    grams: int = 0
    stemmer: Any = None
    known: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Terms of words seen before: a few thousand words make up most of any text."""

    def terms(self, text: str) -> list[str]:
        """The terms of a text in order, repeated as they are there."""
        found: list[str] = []
        known = self.known
        if len(known) > MEMORY:
            known.clear()
        for word in self.units(text):
            terms = known.get(word)
            if terms is None:
                terms = known[word] = tuple(term for term, _ in self._of_word(word))
            found += terms
        return found

    def weighed(self, text: str) -> dict[str, float]:
        """The terms of a query with weights that sum up to about its number of words, whatever words are cut into.

        Otherwise documents of a language that is cut into n-grams would score a multiple of all others.
        """
        weights: dict[str, float] = {}
        for word in self.units(text):
            for term, weight in self._of_word(word):
                weights[term] = weights.get(term, 0.0) + weight
        return weights

    def units(self, text: str) -> list[str]:
        """The words of a text before they are stemmed or cut, lower-cased."""
        return words(self._lower(normalised(text)))

    def _lower(self, text: str) -> str:
        if self.spec == "stem:turkish":
            return text.translate(_TURKISH).lower()
        if self.spec == "stem:persian":
            return text.translate(_PERSIAN).lower()
        return text.lower()

    def _of_word(self, word: str) -> list[tuple[str, float]]:
        """Terms and weights."""
        terms: list[tuple[str, float]] = []
        for piece in pieces(word):
            if _DENSE.match(piece):
                terms += _grams(piece, 2, per_word=2)
            elif _SPARSE.match(piece):
                terms += _grams(piece, 3, per_word=4)
            elif self.stemmer is not None:
                terms.append((self.stemmer.stemWord(piece[:LONGEST]) or piece[:LONGEST], 1.0))
            elif self.grams:
                terms += _grams(piece[:LONGEST], self.grams, per_word=LONGEST)
            else:
                terms.append((piece[:LONGEST], 1.0))
        return terms


def analyzer(spec: str) -> Analyzer:
    """The analyzer of a spec.

    Raises:
        InputError: see `parse_spec`.
        MissingExtraError: it stems, and PyStemmer is not installed.
    """
    kind, value = parse_spec(spec)
    if kind == "grams":
        return Analyzer(spec, grams=int(value))
    return Analyzer(spec, stemmer=_stemmers().Stemmer(value) if kind == "stem" else None)


def analyzer_for(tag: str, given: Mapping[str, str] | None = None) -> Analyzer:
    """The analyzer of a language; arguments and errors as for `spec_of` and `analyzer`."""
    return analyzer(spec_of(tag, given))


def parse_spec(spec: str) -> tuple[str, str]:
    """``stem``, ``grams`` or ``words``, and what stands behind the colon.

    Raises:
        InputError: another word, an unknown algorithm, or a number of characters that is not 2 to 9.
    """
    kind, _, value = spec.partition(":")
    if kind == "words" and not value:
        return kind, ""
    if kind == "grams" and re.fullmatch("[2-9]", value):
        return kind, value
    if kind == "stem":
        if value in _stemmers().algorithms():
            return kind, value
        raise InputError(f"'{spec}': no such stemmer; there are {', '.join(_stemmers().algorithms())}")
    raise InputError(
        f"'{spec}' is not an analyzer; wanted words, grams:N (2 to 9 characters), stem:ALGORITHM (stem:german), "
        "or a language that has one"
    )


def stemmer_version() -> str:
    """The version of PyStemmer: another one may give other stems."""
    return str(_stemmers().version())


def _stemmers() -> Any:
    return require("Stemmer", extra="lexical", purpose="stemming words for a lexical index")


def _grams(piece: str, size: int, *, per_word: int) -> list[tuple[str, float]]:
    """Runs of `size` characters, a shorter piece as it is; together they weigh a word per so many characters."""
    count = max(1, len(piece) - size + 1)
    weight = max(1.0, len(piece) / per_word) / count
    return [(piece[start : start + size], weight) for start in range(count)]
