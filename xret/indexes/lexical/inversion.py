"""Documents turned into postings: for every language its terms, for every term the rows that have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.indexes.lexical.analyzers import Analyzer

__all__ = ["MOST", "Inverted", "Inverter", "joined"]

MOST = np.iinfo(np.uint16).max  # of a term in one document; BM25 does not tell this many from more
TOKENS = 1 << 22  # that wait to be counted, 8 bytes each and 100 while they are sorted; those of one row at least
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Inverted:
    """The postings of one language within a segment.

    Attributes:
        terms: (t,) distinct strings in the order of their bytes.
        ends: (t,) int64, where the postings of each term end.
        rows: (p,) int32 row numbers, ascending within a term.
        counts: (p,) uint16, how often the term stands in the row.
    """

    terms: pa.StringArray
    ends: Ints
    rows: npt.NDArray[np.int32]
    counts: npt.NDArray[np.uint16]


@dataclass(eq=False)
class _Language:
    """What was collected of one language: term numbers by first appearance."""

    analyzer: Analyzer
    numbers: dict[str, int] = field(default_factory=dict)
    tokens: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    done: list[tuple[Ints, npt.NDArray[np.int32], npt.NDArray[np.uint16]]] = field(default_factory=list)

    def add(self, row: int, text: str) -> int:
        numbers = self.numbers
        terms = self.analyzer.terms(text)
        self.tokens += [numbers.setdefault(term, len(numbers)) for term in terms]
        self.rows.append(row)
        self.lengths.append(len(terms))
        return len(terms)

    def settle(self) -> int:
        """Count the tokens collected since the last time; the number of postings that makes."""
        term = np.array(self.tokens, np.int64)
        row = np.repeat(np.array(self.rows, np.int64), self.lengths)
        keys, counts = np.unique(term << 32 | row, return_counts=True)
        self.done.append((keys >> 32, (keys & 0xFFFFFFFF).astype(np.int32), np.minimum(counts, MOST).astype(np.uint16)))
        self.tokens, self.rows, self.lengths = [], [], []
        return len(keys)

    def inverted(self) -> Inverted:
        """All that was counted."""
        self.settle()
        term, row, count = (np.concatenate(parts) for parts in zip(*self.done, strict=True))
        return _sorted(pa.array(list(self.numbers), pa.string()), term, row, count)


class Inverter:
    """Collects the terms of documents, of which each has one language."""

    def __init__(self, analyzers: Mapping[str, Analyzer]) -> None:
        """Start with nothing.

        Args:
            analyzers: by language.
        """
        self.rows = 0
        self.postings = 0
        self._analyzers = analyzers
        self._languages: dict[str, _Language] = {}

    def add(self, languages: list[str], texts: list[str]) -> list[int]:
        """Take in the next rows, a language and a text each; the number of terms of each text."""
        lengths, waiting = [], 0
        for language, text in zip(languages, texts, strict=True):
            held = self._languages.get(language)
            if held is None:
                held = self._languages[language] = _Language(self._analyzers[language])
            lengths.append(held.add(self.rows, text))
            self.rows, waiting = self.rows + 1, waiting + lengths[-1]
            if waiting >= TOKENS:
                waiting = self._settled()
        self._settled()
        return lengths

    def _settled(self) -> int:
        """Count the tokens that are waiting; how many are left, which is none."""
        self.postings += sum(held.settle() for held in self._languages.values() if held.rows)
        return 0

    def inverted(self) -> dict[str, Inverted]:
        """The postings by language, languages in alphabetical order."""
        return {language: self._languages[language].inverted() for language in sorted(self._languages)}


def joined(parts: list[tuple[Inverted, Ints]]) -> Inverted:
    """Several sets of postings as one.

    Args:
        parts: postings, each with the new numbers (int64) of its old row numbers, ascending, -1 for rows to leave out.
    """
    terms = pa.concat_arrays([part.terms for part, _ in parts]).dictionary_encode()
    code = terms.indices.to_numpy().astype(np.int64)
    first, term, row, count = 0, [], [], []
    for part, numbers in parts:
        own = np.repeat(code[first : first + len(part.terms)], np.diff(part.ends, prepend=0))
        new = numbers[part.rows]
        kept = new >= 0
        term.append(own[kept])
        row.append(new[kept].astype(np.int32))
        count.append(part.counts[kept])
        first += len(part.terms)
    return _sorted(terms.dictionary, np.concatenate(term), np.concatenate(row), np.concatenate(count))


def _sorted(terms: pa.StringArray, term: Ints, row: npt.NDArray[np.int32], count: npt.NDArray[np.uint16]) -> Inverted:
    """Postings whose rows ascend, brought into the order of their terms; terms without postings are left out."""
    sizes = np.bincount(term, minlength=len(terms))
    order = pc.sort_indices(terms).to_numpy().astype(np.int64)  # Arrow compares bytes
    order = order[sizes[order] > 0]
    place = np.zeros(len(terms), np.int64)
    place[order] = np.arange(len(order))
    by_term = np.argsort(place[term], kind="stable")
    return Inverted(terms.take(pa.array(order)), np.cumsum(sizes[order]), row[by_term], count[by_term])
