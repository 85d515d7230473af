"""Exact MaxSim between a query and stored documents: a score is what the decoded vectors give, never an estimate."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from xret.fading import faded
from xret.indexes.multivector.basis import in_basis
from xret.indexes.multivector.postings import spans
from xret.indexes.multivector.segments import Segment
from xret.indexes.multivector.training import Coder

__all__ = ["Question", "score_all", "score_near", "score_some"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
TOKENS = 2048  # decoded at a time: 1 MiB at 128 dimensions, so that it stays in a cache
STEPS = 11  # bits of a query's values
_own = threading.local()


@dataclass(frozen=True, eq=False)
class Question:
    """A query, prepared.

    Its values are rounded to 11 bits, as those that codes stand for are to 12 (`xret.indexes.multivector.growing`): 23
    bits of a product and a sum below 2 fit into a float32, so that sums of products are exact in whatever order BLAS
    adds them up, and copies of a text score the same. What that costs, some 1e-4, is far below what codes lose.

    Attributes:
        vectors: (tokens, width) in the coordinates of the index; as long as their weights.
        scores: (tokens, centroids) inner products with the centroids.
        centroids: (centroids, tokens) the same, by centroid.
        fade: see `Coder`.
    """

    vectors: Floats
    scores: Floats
    centroids: Floats
    fade: float = 0.0

    @staticmethod
    def of(query: Floats, coder: Coder) -> Question:
        """From (tokens, dim) vectors as the encoder gives them."""
        vectors = _rounded(in_basis(np.asarray(query, np.float32), coder.basis, coder.width))
        scores = vectors @ coder.centroids.T
        return Question(vectors, scores, np.ascontiguousarray(scores.T), coder.fade)


def score_some(segment: Segment, coder: Coder, question: Question, places: Ints) -> Floats:
    """(n,) sums of MaxSim of some documents of a part.

    Args:
        segment: the part.
        coder: of the index.
        question: the query, with at least one token.
        places: (n,) ascending places of documents in the part.
    """
    starts, counts = segment.starts[places], segment.starts[places + 1] - segment.starts[places]
    scores = np.full(len(places), -float(len(question.vectors)), np.float32)  # without tokens, as far as can be
    turned = np.ascontiguousarray(question.vectors.T)
    full = np.flatnonzero(counts)
    for some in _chunks(full, counts):
        tokens = spans(starts[some], counts[some])
        decoded = coder.codec.decode(segment.codes[tokens], _room("decoded", len(tokens), coder.width))
        found = _products(decoded, turned, question, segment.cells[tokens])
        found = _fading(found, counts[some], question.fade)
        best = np.maximum.reduceat(found, np.cumsum(counts[some]) - counts[some], axis=0)
        scores[some] = best.sum(axis=1)
    return scores


def score_near(segment: Segment, question: Question, places: Ints) -> Floats:
    """(n,) sums of MaxSim with the centroids in the places of the tokens (Santhanam et al. 2022, section 4.2).

    Args:
        segment: the part.
        question: the query, with at least one token.
        places: (n,) ascending places of documents with tokens.
    """
    starts, counts = segment.starts[places], segment.starts[places + 1] - segment.starts[places]
    scores = np.empty(len(places), np.float32)
    for some in _chunks(np.arange(len(places)), counts):
        tokens = spans(starts[some], counts[some])
        near = _room("near", len(tokens), question.centroids.shape[1])
        np.take(question.centroids, segment.cells[tokens], axis=0, out=near, mode="clip")
        near = _fading(near, counts[some], question.fade)
        scores[some] = np.maximum.reduceat(near, np.cumsum(counts[some]) - counts[some], axis=0).sum(axis=1)
    return scores


def score_all(segment: Segment, coder: Coder, questions: Sequence[Question], places: Ints) -> Floats:
    """(questions, n) sums of MaxSim of some documents of a part; every document is decoded once for all questions."""
    starts, counts = segment.starts[places], segment.starts[places + 1] - segment.starts[places]
    scores = np.empty((len(questions), len(places)), np.float32)
    scores[:] = [[-float(len(question.vectors))] for question in questions]
    full = np.flatnonzero(counts)
    turned = [np.ascontiguousarray(question.vectors.T) for question in questions]
    for some in _chunks(full, counts):
        tokens = spans(starts[some], counts[some])
        decoded = coder.codec.decode(segment.codes[tokens], _room("decoded", len(tokens), coder.width))
        cells = segment.cells[tokens]
        local = np.cumsum(counts[some]) - counts[some]
        for at, question in enumerate(questions):
            found = _fading(_products(decoded, turned[at], question, cells), counts[some], question.fade)
            scores[at, some] = np.maximum.reduceat(found, local, axis=0).sum(axis=1)
    return scores


def _products(decoded: Floats, turned: Floats, question: Question, cells: npt.NDArray[Any]) -> Floats:
    """(n, query tokens) inner products of n tokens, the same to the last bit whatever stands beside them."""
    found = np.matmul(decoded, turned, out=_room("found", len(decoded), turned.shape[1]))
    near = _room("near", len(decoded), turned.shape[1])
    found += np.take(question.centroids, cells, axis=0, out=near, mode="clip")
    return found


def _fading(found: Floats, counts: Ints, fade: float) -> Floats:
    """(n, query tokens) products of documents with so many tokens, times what the tokens' places count; in place."""
    if fade:
        starts = np.cumsum(counts) - counts
        found *= faded(np.arange(len(found)) - np.repeat(starts, counts), fade)[:, None]
    return found


def _rounded(vectors: Floats) -> Floats:
    """Vectors in steps of 2^-11 of the longest one's length (brought up to a power of two)."""
    longest = float(np.linalg.norm(vectors, axis=1).max(initial=0.0))
    if not 0 < longest < float("inf"):
        return vectors
    step = 2.0 ** (np.ceil(np.log2(longest)) - STEPS)
    return np.asarray(np.rint(vectors / np.float32(step)) * np.float32(step), np.float32)


def _room(name: str, rows: int, columns: int) -> Floats:
    """Memory of this thread to write to: fresh memory, given page by page, costs more than what is computed in it."""
    room: Floats | None = getattr(_own, name, None)
    if room is None or len(room) < rows * columns:
        room = np.empty(max(rows, TOKENS) * columns, np.float32)
        setattr(_own, name, room)
    return room[: rows * columns].reshape(rows, columns)


def _chunks(full: Ints, counts: Ints) -> Iterator[Ints]:
    """Runs of `full` with about `TOKENS` tokens together."""
    ends = np.cumsum(counts[full])
    first = 0
    while first < len(full):
        before = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + TOKENS, side="right")))
        yield full[first:last]
        first = last
