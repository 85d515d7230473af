"""Fewer vectors for a document: those alike become their mean (Clavié, Chaffin & Adams 2024)."""

from __future__ import annotations

from concurrent.futures import Executor

import numpy as np
import numpy.typing as npt

__all__ = ["pooled", "pooled_document"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def pooled(
    vectors: Floats, counts: Ints, factor: int, pool: Executor, *, text_first: bool = False
) -> tuple[Floats, Ints]:
    """`pooled_document` of documents one after the other.

    Args:
        vectors: (tokens, d) rows of length 1.
        counts: (n,) tokens of each document.
        factor: about so many vectors become one.
        pool: threads.
        text_first: a document's first vector stands for the whole text, and stays as it is.
    """
    if factor == 1 or not len(vectors):
        return vectors, counts

    def one(part: Floats) -> Floats:
        if text_first:
            return np.concatenate([part[:1], pooled_document(part[1:], factor)])
        return pooled_document(part, factor)

    parts = list(pool.map(one, np.split(vectors, np.cumsum(counts)[:-1])))
    return np.concatenate(parts), np.array([len(part) for part in parts], np.int64)


def pooled_document(vectors: Floats, factor: int) -> Floats:
    """(ceil(n / factor), d) rows of length 1: means of the clusters of n rows, in the order of their first row.

    Clusters are joined two by two, those first whose joining adds least to the squared distances from the means (Ward
    1963), with the distances kept up to date as Lance & Williams (1967) say.
    """
    wanted = -(-len(vectors) // factor)
    size = np.ones(len(vectors))
    cluster = np.arange(len(vectors))
    far = np.maximum(2 - 2 * (vectors @ vectors.T).astype(np.float64), 0.0)
    np.fill_diagonal(far, np.inf)
    for _ in range(len(vectors) - wanted):
        first, second = divmod(int(far.argmin()), len(far))
        first, second = min(first, second), max(first, second)
        total = size[first] + size[second] + size
        with np.errstate(invalid="ignore"):  # infinity less infinity, where a cluster is no more
            joined = (
                (size[first] + size) * far[first] + (size[second] + size) * far[second] - size * far[first, second]
            ) / total
        joined[np.isnan(joined)] = np.inf
        joined[[first, second]] = np.inf
        far[first], far[:, first] = joined, joined
        far[second], far[:, second] = np.inf, np.inf
        size[first] += size[second]
        cluster[cluster == second] = first
    order = np.argsort(cluster, kind="stable")
    _, starts = np.unique(cluster[order], return_index=True)
    means = np.add.reduceat(vectors[order], starts, axis=0) if len(vectors) else vectors
    return np.asarray(means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12), np.float32)
