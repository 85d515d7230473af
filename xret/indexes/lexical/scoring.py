"""BM25 over the postings of one language.

Robertson & Zaragoza 2009, "The probabilistic relevance framework: BM25 and beyond", in Lucene's form: the factor k1 + 1
is left out, and idf = ln(1 + (N - df + 0.5) / (df + 0.5)), which is never negative. N, df and the mean length are those
of the documents' language: what is common in one language says nothing about another.

A query term may be several index terms with probabilities: a word and its translations. Then its frequency in a
document is tf = sum of p * tf(f), and df = sum of p * df(f) (Darwish & Oard 2003, "Probabilistic structured
query methods").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from xret.errors import UsageError
from xret.indexes.lexical.opened import LexicalIndex

__all__ = ["BM25", "QueryTerm", "score"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BM25:
    """The two parameters.

    Attributes:
        k1: how soon more occurrences stop to count; 0 for presence alone. 0.9, as in Anserini.
        b: how much long documents are held back, 0 to 1. 0.4, as in Anserini.
    """

    k1: float = 0.9
    b: float = 0.4

    def __post_init__(self) -> None:
        """Refuse what is no BM25."""
        if not 0 <= self.k1 < float("inf") or not 0 <= self.b <= 1:
            raise UsageError(f"BM25 with k1 {self.k1} and b {self.b}: k1 must be 0 or more, b from 0 to 1")


QueryTerm: TypeAlias = tuple[float, tuple[tuple[str, float], ...]]
"""The weight of a term of the query (how often it stands there), and the index terms that it may be, with probabilities
above 0."""


def score(index: LexicalIndex, language: str, query: list[QueryTerm], bm25: BM25, into: Floats) -> Ints:
    """Add what the documents of a language score.

    Args:
        index: to search.
        language: first subtag of the documents' languages.
        query: its terms.
        bm25: parameters.
        into: (rows of the index,) float64, added to.

    Returns:
        (m,) row numbers that got something, some of them several times.
    """
    touched = [np.empty(0, np.int64)]
    for weight, alternatives in query:
        rows, frequency, documents = _matches(index, language, alternatives)
        if not len(rows):
            continue
        found = index.statistics[language]
        idf = np.log1p((found.documents - documents + 0.5) / (documents + 0.5))
        length = _lengths(index, rows) / found.length
        into[rows] += weight * idf * frequency / (frequency + bm25.k1 * (1 - bm25.b + bm25.b * length))
        touched.append(rows)
    return np.concatenate(touched)


def _matches(
    index: LexicalIndex, language: str, alternatives: tuple[tuple[str, float], ...]
) -> tuple[Ints, Floats, float]:
    """(m,) distinct rows that have one of the terms, (m,) their expected frequencies, and the expected df."""
    rows, frequencies, documents = [np.empty(0, np.int64)], [np.empty(0)], 0.0
    for term, probability in alternatives:
        for segment in index.segments:
            postings = segment.postings(language, term)
            if postings is None:
                continue
            found = postings[0].astype(np.int64) + segment.start
            frequency = postings[1].astype(np.float64)
            if index.alive is not None:
                alive = index.alive[found]
                found, frequency = found[alive], frequency[alive]
            documents += probability * len(found)
            rows.append(found)
            frequencies.append(probability * frequency)
    row, frequency = np.concatenate(rows), np.concatenate(frequencies)
    if len(alternatives) > 1:
        row, place = np.unique(row, return_inverse=True)
        summed: Floats = np.bincount(place, frequency, len(row)).astype(np.float64)
        return row, summed, documents
    return row, frequency, documents


def _lengths(index: LexicalIndex, rows: Ints) -> Floats:
    if len(index.segments) == 1:
        return index.segments[0].lengths[rows].astype(np.float64)
    lengths = np.empty(len(rows))
    for segment in index.segments:
        here = (rows >= segment.start) & (rows < segment.start + segment.segment.rows)
        lengths[here] = segment.lengths[rows[here] - segment.start]
    return lengths
