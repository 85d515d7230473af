"""Centroids of token vectors: spherical k-means, and the nearest one of every token.

Many centroids are themselves put into groups, and a token is compared with those of the few groups nearest to it: it
misses its nearest centroid now and then, for one that is nearly as near.

Every product is of a fixed number of rows, by one thread of BLAS, and sums are taken in the order of the rows: the
result is the same on any number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Centroids", "Groups", "centroid_count", "nearest", "trained_centroids"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
ROWS = 256  # of one product: with 8,192 centroids, 8 MiB of similarities
LEAST = 8  # training tokens per centroid
ROUNDS = 4
MANY = 1 << 14  # centroids, from which on they are grouped
LOOK = 16  # groups that a token looks into
GROUP_ROWS = 8192  # tokens that are put into groups together


@dataclass(frozen=True, eq=False)
class Centroids:
    """Centroids as they are stored: whole numbers of one step. What that takes from their precision, residuals mend.

    Attributes:
        codes: (k, d) int8.
        step: what 1 stands for.
    """

    codes: npt.NDArray[np.int8]
    step: float

    @staticmethod
    def of(values: Floats) -> Centroids:
        """The stored form of (k, d) float32 values."""
        step = float(np.float32(max(float(np.abs(values).max(initial=0.0)), 1e-6) / 127))
        return Centroids(np.clip(np.rint(values / np.float32(step)), -127, 127).astype(np.int8), step)

    def values(self) -> Floats:
        """(k, d) float32."""
        return np.asarray(self.codes, np.float32) * np.float32(self.step)


def centroid_count(tokens: int, sample: int) -> int:
    """16 times the root of the tokens, as a power of two (Santhanam et al. 2022, section 4.5), if the sample allows.

    Args:
        tokens: of the collection, or what they are thought to be.
        sample: tokens to train from.
    """
    wanted = 1 << max(0, int(np.log2(16 * max(1.0, tokens) ** 0.5)))
    most = 1 << int(np.log2(max(1, sample // LEAST)))
    return max(1, min(wanted, most))


@dataclass(frozen=True, eq=False)
class Groups:
    """Centroids by group.

    Attributes:
        means: (groups, d) of length 1.
        members: numbers of the centroids of each group, ascending.
    """

    means: Floats
    members: tuple[Ints, ...]

    @staticmethod
    def of(centroids: Floats, pool: Executor) -> Groups | None:
        """About as many groups as each has members; None for so few centroids that all of them are compared."""
        if len(centroids) < MANY:
            return None
        means = trained_centroids(centroids, 1 << (len(centroids).bit_length() // 2), seed=0, pool=pool)
        group = (centroids @ means.T).argmax(axis=1)
        order = np.argsort(group, kind="stable")
        return Groups(means, tuple(np.split(order, np.searchsorted(group[order], np.arange(1, len(means))))))


def nearest(vectors: Floats, centroids: Floats, pool: Executor, groups: Groups | None = None) -> tuple[Ints, Floats]:
    """The centroid with the largest inner product: (n,) its number, and (n,) that product.

    Args:
        vectors: (n, d).
        centroids: (k, d).
        pool: threads for blocks of rows.
        groups: of these centroids; None: compare with all.
    """
    turned = np.ascontiguousarray(centroids.T)

    def every(at: slice) -> tuple[Ints, Floats]:
        products = vectors[at] @ turned
        best = products.argmax(axis=1)
        return best, products[np.arange(len(best)), best]

    def some(at: slice) -> tuple[Ints, Floats]:
        assert groups is not None
        return _nearest_of_groups(vectors[at], centroids, groups)

    found = (
        pool.map(every, _blocks(len(vectors), ROWS))
        if groups is None
        else pool.map(some, _blocks(len(vectors), GROUP_ROWS))
    )
    parts = list(found)
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    return np.concatenate([best for best, _ in parts]), np.concatenate([product for _, product in parts])


def _nearest_of_groups(vectors: Floats, centroids: Floats, groups: Groups) -> tuple[Ints, Floats]:
    look = min(LOOK, len(groups.means))
    near = np.argpartition(-(vectors @ groups.means.T), look - 1, axis=1)[:, :look]
    order = np.argsort(near, axis=None, kind="stable")
    starts = np.searchsorted(near.ravel()[order], np.arange(len(groups.means) + 1))
    cell, product = np.zeros(len(vectors), np.int64), np.full(len(vectors), -np.inf, np.float32)
    for group, members in enumerate(groups.members):
        rows = order[starts[group] : starts[group + 1]] // look
        if not len(rows) or not len(members):
            continue
        products = vectors[rows] @ centroids[members].T
        best = products.argmax(axis=1)
        value = products[np.arange(len(rows)), best]
        better = value > product[rows]
        cell[rows[better]], product[rows[better]] = members[best[better]], value[better]
    return cell, product


def trained_centroids(sample: Floats, k: int, *, seed: int, pool: Executor, rounds: int = ROUNDS) -> Floats:
    """Spherical k-means (Dhillon & Modha 2001): (k, d) float32 rows of length 1.

    A centroid that no token is nearest to moves to the token that is worst off.

    Args:
        sample: (n, d) rows of length 1, n >= k.
        k: how many.
        seed: of the choice of the first centroids.
        pool: threads.
        rounds: of assignment and means.
    """
    rng = np.random.default_rng(seed)
    centroids = sample[np.sort(rng.choice(len(sample), k, replace=False))].copy()
    for _ in range(rounds):
        cell, product = nearest(sample, centroids, pool, Groups.of(centroids, pool))
        order = np.argsort(cell, kind="stable")
        used, starts = np.unique(cell[order], return_index=True)
        centroids[used] = np.add.reduceat(sample[order], starts, axis=0)
        empty = np.setdiff1d(np.arange(k), used)
        centroids[empty] = sample[np.argsort(product, kind="stable")[: len(empty)]]
        centroids /= np.maximum(np.linalg.norm(centroids, axis=1, keepdims=True), np.float32(1e-12))
    return centroids


def _blocks(rows: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))
