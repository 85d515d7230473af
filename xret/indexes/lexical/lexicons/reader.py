"""Queries translated term by term: probabilistic structured queries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from xret.errors import MismatchError
from xret.indexes.lexical.analyzers import Analyzer, analyzer
from xret.indexes.lexical.lexicons.estimate import whole_words
from xret.indexes.lexical.lexicons.table import Lexicon
from xret.indexes.lexical.opened import LexicalIndex
from xret.indexes.lexical.scoring import QueryTerm

__all__ = ["Translated"]

Alternatives = tuple[tuple[str, float], ...]
MOST = 24
LEAST = 0.003


@dataclass(frozen=True, eq=False)
class Translated:
    """A `xret.indexes.lexical.search.Reader` that translates with a lexicon.

    Every term of the query becomes one query term with all its translations as alternatives, with their probabilities
    (Darwish & Oard 2003): its frequency in a document is the expected one. Where the lexicon has no direct way between
    two languages, it goes through `pivots`. What it does not know (names, numbers) is searched for as it is written.

    Attributes:
        index: to search.
        lexicon: translations.
        pivots: languages to go through, the first that has both ways.
        share: of probability that a term stands in the document as it is written; the translations have the rest.
            0.1 to 0.4 were about alike on help pages, and a little better than 0.
    """

    index: LexicalIndex
    lexicon: Lexicon
    pivots: tuple[str, ...] = ("en",)
    share: float = 0.2
    analyzers: dict[str, Analyzer] = field(default_factory=dict)
    known: dict[tuple[str, str, str], Alternatives] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a lexicon whose terms are not those of the index.

        Raises:
            MismatchError: naming the language and both analyzers.
        """
        for language, spec in self.lexicon.analyzers.items():
            ours = self.index.manifest.analyzers.get(language, spec)
            if whole_words(ours) != spec:
                raise MismatchError(
                    f"{self.index.folder}: analyses language '{language}' with {ours}, the lexicon with {spec}; make "
                    "the lexicon again with the analyzers of the index"
                )
            self.analyzers[language] = analyzer(spec)

    def __call__(self, text: str, language: str, *, into: str) -> list[QueryTerm]:
        """See `Reader`."""
        written, own = self.index.analyzers[into], self.analyzers.get(language)
        way = () if own is None or language == into else self._way(language, into)
        if own is None or not way:
            return [(weight, ((term, 1.0),)) for term, weight in written.weighed(text).items()]
        query: dict[Alternatives, float] = {}
        for word in own.units(text):
            found = [(self._translated(term, way, written), weight) for term, weight in own.weighed(word).items()]
            if not any(alternatives for alternatives, _ in found):
                found = [(((term, 1.0),), weight) for term, weight in written.weighed(word).items()]
            elif self.share:
                found = [(self._shared(alternatives, written, word), weight) for alternatives, weight in found]
            for alternatives, weight in found:
                if alternatives:
                    query[alternatives] = query.get(alternatives, 0.0) + weight
        return [(weight, alternatives) for alternatives, weight in query.items()]

    def translates(self, source: str, target: str) -> bool:
        """Whether there is a way from one language (first subtag) to another."""
        return source in self.analyzers and bool(self._way(source, target))

    def _way(self, source: str, target: str) -> tuple[str, ...]:
        """The languages from one to the other, both included; nothing where there is no way."""
        if self.lexicon.has(source, target):
            return source, target
        for pivot in self.pivots:
            if self.lexicon.has(source, pivot) and self.lexicon.has(pivot, target):
                return source, pivot, target
        return ()

    def _translated(self, term: str, way: tuple[str, ...], written: Analyzer) -> Alternatives:
        """The index terms that a term may become, likeliest first; probabilities sum up to 1."""
        key = term, way[0], way[-1]
        if key not in self.known:
            found: dict[str, float] = {term: 1.0}
            for source, target in pairwise(way):
                found = _summed(
                    (other, have * probability)
                    for each, have in found.items()
                    for other, probability in self.lexicon.translate(each, source, target)
                )
            best = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:MOST]
            best = [item for item in best if item[1] >= LEAST] or best[:1]
            total = sum(probability for _, probability in best)
            # Where the index holds n-grams, a word stands for its n-grams in equal parts.
            self.known[key] = tuple(
                _summed(
                    (piece, probability / total * weight)
                    for word, probability in best
                    for piece, weight in (written.weighed(word).items() if written.grams else [(word, 1.0)])
                ).items()
            )
        return self.known[key]

    def _shared(self, alternatives: Alternatives, written: Analyzer, word: str) -> Alternatives:
        own = written.weighed(word)
        kept = 1 - self.share if alternatives else 0.0
        total = sum(own.values()) or 1.0
        parts = [(term, kept * p) for term, p in alternatives]
        parts += [(term, (1 - kept) * weight / total) for term, weight in own.items()]
        return tuple(_summed(parts).items())


def _summed(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for name, value in pairs:
        total[name] = total.get(name, 0.0) + value
    return total
