"""The maps by themselves, each in closed form from vectors; arithmetic in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xret.errors import InputError

__all__ = ["Affine", "outlier_shares", "procrustes", "ridge", "standardised", "whitened", "without_top", "zeroed"]

Floats = NDArray[np.floating]
Doubles = NDArray[np.float64]
_BLOCK = 8192  # rows turned into float64 at a time
_RANK = 1e-10  # eigenvalues below this part of the largest are none


@dataclass(frozen=True)
class Affine:
    """x -> x @ weight + offset."""

    weight: Doubles  # (in, out)
    offset: Doubles  # (out,)

    @classmethod
    def identity(cls, width: int) -> Affine:
        """The one that changes nothing."""
        return cls(np.eye(width), np.zeros(width))

    @classmethod
    def around(cls, mean: Doubles, weight: Doubles) -> Affine:
        """x -> (x - mean) @ weight."""
        return cls(weight, -mean @ weight)

    def __call__(self, rows: Floats) -> NDArray[np.float32]:
        """Of (n, in) rows, (n, out) float32."""
        found: NDArray[np.float32] = rows.astype(np.float32) @ self.weight.astype(np.float32)
        return found + self.offset.astype(np.float32)

    def then(self, other: Affine) -> Affine:
        """This one, and the other on what it gives."""
        return Affine(self.weight @ other.weight, self.offset @ other.weight + other.offset)


def _products(one: Floats, other: Floats) -> Doubles:
    """one.T @ other."""
    total = np.zeros((one.shape[1], other.shape[1]))
    for start in range(0, len(one), _BLOCK):
        block = slice(start, start + _BLOCK)
        total += one[block].T.astype(np.float64) @ other[block].astype(np.float64)
    return total


def _moments(rows: Floats) -> tuple[Doubles, Doubles]:
    """Mean (width,) and covariance (width, width), divided by n."""
    mean = rows.mean(axis=0, dtype=np.float64)
    return mean, _products(rows, rows) / len(rows) - np.outer(mean, mean)


def _components(covariance: Doubles) -> tuple[Doubles, Doubles]:
    """Eigenvalues, the largest first, and eigenvectors as columns, whose largest entry is positive."""
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1], vectors[:, ::-1]
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(values))])
    return values, vectors * signs


def procrustes(source: Floats, target: Floats, prior: Doubles) -> Doubles:
    """The orthogonal matrix Q with the smallest ||source @ Q - target||² + ||Q - prior||² (Schönemann 1966).

    It is U V' of the singular vectors of source' target + prior: the prior is so many further rows.

    Args:
        source: (n, d).
        target: (n, d).
        prior: (d, d), an orthogonal matrix times the weight of the second term; zeros for none.

    Returns:
        (d, d).
    """
    left, _, right = np.linalg.svd(_products(source, target) + prior)
    found: Doubles = left @ right
    return found


def ridge(source: Floats, target: Floats, penalty: float, prior: Doubles) -> Doubles:
    """The matrix M with the smallest ||source @ M - target||² + penalty ||M - prior||².

    Args:
        source: (n, d).
        target: (n, t).
        penalty: from 0.
        prior: (d, t).

    Returns:
        (d, t).

    Raises:
        InputError: `penalty` is 0, and `source` does not determine the matrix.
    """
    gram = _products(source, source)
    values = np.linalg.eigvalsh(gram)
    if penalty == 0 and (rank := int((values > values[-1] * _RANK).sum())) < len(gram):
        raise InputError(f"the vectors have rank {rank} of {len(gram)}, which determines no linear map; give --ridge")
    gram[np.diag_indices_from(gram)] += penalty
    return np.asarray(np.linalg.solve(gram, _products(source, target) + penalty * prior), np.float64)


def whitened(rows: Floats, *, shrinkage: float = 0.0, dim: int | None = None) -> Affine:
    """To mean 0 and covariance 1 (Su et al. 2021): (x - mean) @ U / sqrt(S), of the covariance U S U'.

    Args:
        rows: (n, d).
        shrinkage: the covariance is taken as (1 - shrinkage) C + shrinkage tr(C)/d I.
        dim: components kept, those of the largest variance.

    Raises:
        InputError: a component that is to be kept has no variance.
    """
    mean, covariance = _moments(rows)
    values, vectors = _components(covariance)
    shrunk = (1 - shrinkage) * values + shrinkage * values.mean()
    kept = dim or len(values)
    if (rank := int((shrunk > max(shrunk[0], 0) * _RANK).sum())) < kept:
        raise InputError(
            f"the vectors of {len(rows)} texts have rank {rank} of {len(values)}, too few to whiten {kept} values; "
            f"give more text, --shrinkage, or --whiten --dim {max(rank, 1)}"
        )
    return Affine.around(mean, vectors[:, :kept] / np.sqrt(shrunk[:kept]))


def without_top(rows: Floats, count: int) -> Affine:
    """Without the mean and the `count` first principal components (Mu & Viswanath 2018, "all but the top").

    Raises:
        InputError: nothing would be left.
    """
    mean, covariance = _moments(rows)
    if count >= len(mean):
        raise InputError(f"--remove-top {count} leaves nothing of {len(mean)} values")
    top = _components(covariance)[1][:, :count]
    return Affine.around(mean, np.eye(len(mean)) - top @ top.T)


def outlier_shares(rows: Floats) -> Doubles:
    """How much of the mean cosine of two random texts each dimension makes up (Timkey & van Schijndel 2021).

    Of vectors of length 1 the mean cosine is |mean|², to which each dimension adds its square.

    Args:
        rows: (n, d), of length 1.

    Returns:
        (d,), which sum to 1.
    """
    squares: Doubles = rows.mean(axis=0, dtype=np.float64) ** 2
    return squares / max(float(squares.sum()), float(np.finfo(np.float64).tiny))


def standardised(rows: Floats) -> Affine:
    """Each dimension to mean 0 and deviation 1; a dimension that does not vary becomes 0."""
    mean, covariance = _moments(rows)
    spread = np.sqrt(np.maximum(np.diag(covariance), 0))
    varies = spread > spread.max(initial=0) * np.sqrt(_RANK)
    return Affine.around(mean, np.diag(np.where(varies, 1 / np.where(varies, spread, 1), 0)))


def zeroed(rows: Floats, share: float) -> Affine:
    """Without the dimensions whose `outlier_shares` are above `share`.

    Raises:
        InputError: none is, or all are.
    """
    rogue = (shares := outlier_shares(rows)) > share
    if not rogue.any() or rogue.all():
        raise InputError(
            f"--outliers zero: {int(rogue.sum())} of {len(shares)} dimensions make up more than {share:g} of the mean "
            f"cosine (the largest: {shares.max():.3f}); give another --outlier-share"
        )
    return Affine(np.diag(np.where(rogue, 0.0, 1.0)), np.zeros(len(shares)))
