"""Fewer dimensions, where vectors fill no more: coordinates in the subspace that they lie in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["found_basis", "in_basis"]

Floats = npt.NDArray[np.float32]
NOTHING = 1e-5  # of the squared lengths, that may lie outside the subspace


def found_basis(sample: Floats, span: int, *, seed: int) -> Floats | None:
    """A basis of the subspace that a sample lies in, where that has clearly fewer dimensions than the vectors.

    A token table that was made by a product of two narrow matrices, or cut by a factorisation, leaves such vectors.
    Inner products with queries stay what they were. The basis is turned at random, so that all of its dimensions vary
    alike and one set of levels suits them all.

    Args:
        sample: (n, d).
        span: the width must be a multiple of it.
        seed: of the turning.

    Returns:
        (d, width) float32 with orthonormal columns, or None.
    """
    dim = sample.shape[1]
    if len(sample) < 2 * dim:
        return None
    values, vectors = np.linalg.eigh((sample.T @ sample).astype(np.float64))
    outside = np.cumsum(np.maximum(values, 0)) / max(float(np.maximum(values, 0).sum()), 1e-12)
    rank = dim - int(np.searchsorted(outside, NOTHING))
    width = -(-rank // span) * span
    if width > 0.9 * dim:
        return None
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))
    return np.ascontiguousarray(vectors[:, dim - width :] @ turn, np.float32)


def in_basis(vectors: Floats, basis: Floats | None, width: int) -> Floats:
    """(n, width): coordinates in the basis, or the values themselves with zeros after them."""
    if basis is not None:
        return vectors @ basis
    if vectors.shape[1] == width:
        return vectors
    return np.pad(vectors, ((0, 0), (0, width - vectors.shape[1])))
