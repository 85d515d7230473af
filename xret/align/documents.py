"""One vector for each document, from the vectors of its segments: what it says, and in which order.

The place of a segment counts through slots: each slot is a weighted sum of all segments, the weights falling with the
distance from the slot's own place, and the document's vector is all slots together (Thompson & Koehn 2020, "Exploiting
Sentence Order in Document Alignment", 2020.emnlp-main.483). What is said everywhere counts little (Buck & Koehn 2016,
W16-2365, for the tf-idf weights), and the mean of all segments is taken away first.

Vectors of documents find candidates; `coverage` looks at their segments again to choose among them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["SLOTS", "coverage", "document_vectors", "mean_vector", "rarity", "slot_weights"]

SLOTS = 4
SHARPNESS = 8.0  # of slots: a segment half a document away from a slot's place counts about a tenth
READ = 8192  # vectors read at once
ROWS = 1024  # segments of a document compared at once
SAMPLED = 1000  # segments of a long document that are looked for in the other


class Rows(Protocol):
    """Vectors read block by block, such as `xret.vectors.Vectors`."""

    rows: int
    dim: int

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        """(stop - start, dim) float32."""


def rarity(numbers: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n,) weights of segments: log(1 + documents / documents that hold this very text).

    Args:
        numbers: (n,) the number of each segment's text, equal for equal texts, from 0.
        starts: (documents + 1,) the segments with which documents begin, and n.
    """
    total = len(starts) - 1
    owner = np.repeat(np.arange(total), np.diff(starts))
    held = np.unique(numbers.astype(np.int64) * max(total, 1) + owner) // max(total, 1)
    weights: NDArray[np.float64] = np.log1p(total / np.bincount(held, minlength=1)[numbers])
    return weights


def slot_weights(segments: int, slots: int = SLOTS) -> NDArray[np.float64]:
    """(slots, segments) how much each segment counts in each slot; the rows sum to 1.

    The weights are a beta density over the document whose mode is the slot's place (PERT).
    """
    place, mode = (np.arange(segments) + 0.5) / segments, (np.arange(slots)[:, None] + 0.5) / slots
    logs = SHARPNESS * (mode * np.log(place) + (1 - mode) * np.log1p(-place))
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def mean_vector(vectors: Rows) -> NDArray[np.float64]:
    """(dim,) the mean of all rows."""
    total = np.zeros(vectors.dim)
    for start in range(0, vectors.rows, READ):
        total += vectors.block(start, min(start + READ, vectors.rows)).sum(axis=0, dtype=np.float64)
    return total / max(vectors.rows, 1)


def document_vectors(
    vectors: Rows, starts: NDArray[np.int64], weights: NDArray[np.float64], *, slots: int = SLOTS
) -> NDArray[np.float16]:
    """A vector of length 1 for each document; reads one document at a time.

    Args:
        vectors: of the segments, rows of length 1, documents one after the other.
        starts: (documents + 1,) the rows with which documents begin, and the number of rows; none is empty.
        weights: (rows,) what each segment counts, see `rarity`.
        slots: how finely order counts; 1 forgets it.

    Returns:
        (documents, slots * dim) float16. A document in which nothing differs from the mean of all keeps the mean.
    """
    middle = mean_vector(vectors) if len(starts) > 2 else np.zeros(vectors.dim)
    out = np.empty((len(starts) - 1, slots * vectors.dim), np.float16)
    for place, (start, stop) in enumerate(pairwise(starts.tolist())):
        rows = vectors.block(start, stop).astype(np.float64)
        each = slot_weights(stop - start, slots) * weights[start:stop]
        out[place] = _flat(each @ (rows - middle))
        if not out[place].any():
            out[place] = _flat(each @ rows)
    return out


def coverage(
    x: NDArray[np.float32], x_weights: NDArray[np.float64], y: NDArray[np.float32], y_weights: NDArray[np.float64]
) -> float:
    """How well two documents cover each other: the weighted mean cosine of each segment to its nearest, both ways.

    Of a long document only `SAMPLED` segments, evenly spread, look for their nearest (among all of the other), so that
    time grows with the sum of the lengths.

    Args:
        x: (n, d) segments of one, less the mean of its side, rows of length 1.
        x_weights: (n,) what each counts.
        y: (m, d) segments of the other, likewise.
        y_weights: (m,).

    Returns:
        Between -1 and 1.
    """
    return (_covered(x, x_weights, y) + _covered(y, y_weights, x)) / 2


def _covered(x: NDArray[np.float32], weights: NDArray[np.float64], y: NDArray[np.float32]) -> float:
    """The weighted mean cosine of segments of x to the nearest of y."""
    some = np.unique(np.linspace(0, len(x) - 1, min(SAMPLED, len(x))).round().astype(np.int64))
    near = np.full(len(some), -np.inf, np.float32)
    for start in range(0, len(y), ROWS):
        np.maximum(near, (x[some] @ y[start : start + ROWS].T).max(axis=1), out=near)
    return float(near @ weights[some] / weights[some].sum())


def _flat(slots: NDArray[np.float64]) -> NDArray[np.float64]:
    """All slots as one vector of length 1, each of the same length in it; zeros where all are next to nothing."""
    length = np.linalg.norm(slots, axis=1, keepdims=True)
    unit = np.divide(slots, length, out=np.zeros_like(slots), where=length > 1e-6)
    return np.asarray(unit.ravel() / max(float(np.linalg.norm(unit)), 1e-6))
