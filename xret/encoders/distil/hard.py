"""Batches whose pairs are hard to tell apart: neighbours of one another in the teacher's space."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xret.artifact import atomic_file
from xret.encoders.distil.kept import kept
from xret.encoders.distil.siblings import Siblings
from xret.errors import require

__all__ = ["HardPairs", "find_neighbours"]

log = logging.getLogger("xret")
_EXACT = 50_000  # up to so many strings all are compared with all
_TRIES = 6  # of a pair in the seed's language


@dataclass(frozen=True)
class HardPairs:
    """Pairs whose English strings are near one another.

    Attributes:
        neighbours: (English strings, k) int32, nearest first, without the string itself; -1 for none.
        siblings: the pairs of each string.
    """

    neighbours: np.ndarray
    siblings: Siblings

    def around(self, seeds: np.ndarray, english_of: np.ndarray, rng: np.random.Generator, *, group: int) -> np.ndarray:
        """Distinct pairs: `seeds`, and for each `group` - 1 of its neighbours, in its language where there are some."""
        near = self.neighbours[english_of[seeds]]
        picked = np.argsort(rng.random(near.shape), axis=1)[:, : group - 1]
        near = np.take_along_axis(near, picked, axis=1).astype(np.int64)
        own = np.repeat(self.siblings.langs[seeds], near.shape[1])
        near = near.ravel()
        own, near = own[near >= 0], near[near >= 0]
        return np.unique(np.concatenate([seeds, self.siblings.prefer(near, own, rng, tries=_TRIES)]))


def find_neighbours(vectors: np.ndarray, target: Path, *, k: int) -> np.ndarray:
    """(n, k) int32 nearest rows of unit `vectors` (n, d) by inner product, itself left out; kept in the file `target`.

    Many are searched by an inverted file of about 2 sqrt(n) lists, which misses a few neighbours.

    Raises:
        InputError: the file is damaged.
    """
    if not target.exists():
        faiss = require("faiss", extra="cpu", purpose="hard-negative batches")
        matrix = np.ascontiguousarray(vectors, dtype=np.float32)
        index = faiss.IndexFlatIP(matrix.shape[1])
        if len(matrix) > _EXACT:
            lists = int(2 * len(matrix) ** 0.5)
            index = faiss.IndexIVFFlat(index, matrix.shape[1], lists, faiss.METRIC_INNER_PRODUCT)
            index.cp.niter, index.cp.max_points_per_centroid, index.nprobe = 6, 64, 12
            index.train(matrix[np.random.default_rng(0).permutation(len(matrix))[: 64 * lists]])
        index.add(matrix)
        log.info("hard negatives: searching the neighbours of %d strings", len(matrix))
        found = np.concatenate([_others(index, matrix, start, k) for start in range(0, len(matrix), 65536)])
        with atomic_file(target) as temporary, open(temporary, "wb") as stream:
            np.save(stream, found, allow_pickle=False)
    with kept(target):
        return np.asarray(np.load(target, mmap_mode="r", allow_pickle=False))


def _others(index: object, matrix: np.ndarray, start: int, k: int) -> np.ndarray:
    rows = np.arange(start, min(start + 65536, len(matrix)))
    _, found = index.search(matrix[rows], k + 1)  # type: ignore[attr-defined]  # faiss is untyped
    itself = found == rows[:, None]
    itself[~itself.any(axis=1), -1] = True  # not found among them: the furthest goes instead
    return np.asarray(found[~itself].reshape(len(rows), k).astype(np.int32))
