"""The block product that filters candidates, and the exact value that ranks them."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xret.indexes.twoway.rows import READ, Selection, as_rows, row_lengths

__all__ = [
    "BlockSimilarity",
    "Bound",
    "Float32Similarity",
    "exact_cosines",
    "pair_cosines",
    "single_cosines",
    "single_error",
]

Bound = float | NDArray[np.float32]
GATHER = 512  # pairs scored together: both gathered float64 pieces stay in the L2 cache at usual dimensions


class BlockSimilarity(Protocol):
    """Approximate cosines of a block of rows with a block of columns, with a bound on their error.

    The seam for other arithmetic (int8, bfloat16, a GPU): whatever `product` computes, the neighbours found are the
    same, as long as `error` holds.
    """

    name: str

    def prepare(self, block: NDArray[np.float32], lengths: NDArray[np.float64]) -> Any:
        """An operand for `product` from raw rows (n, d) and their lengths (n,); called once per block and pass."""

    def product(self, rows: Any, columns: Any, out: NDArray[np.float32]) -> None:
        """Fill `out` (rows, columns) float32, whose rows may be strided, with approximate cosines."""

    def error(self, rows: Any, columns: Any) -> tuple[Bound, Bound]:
        """Bounds on the difference of the product's values from the exact cosines, by row and by column.

        Each is one number, or one for every row (n,) or column (m,) of these operands.
        """


class Float32Similarity:
    """Single-precision products by the BLAS that NumPy was built with."""

    name = "float32"

    def prepare(self, block: NDArray[np.float32], lengths: NDArray[np.float64]) -> NDArray[np.float32]:
        """The rows scaled to unit length."""
        scaled: NDArray[np.float32] = block * (1.0 / lengths).astype(np.float32)[:, None]
        return scaled

    def product(self, rows: NDArray[np.float32], columns: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """One matrix product."""
        np.matmul(rows, columns.T, out=out)

    def error(self, rows: NDArray[np.float32], columns: NDArray[np.float32]) -> tuple[Bound, Bound]:
        """The same for all."""
        bound = single_error(rows.shape[1])
        return bound, bound


def single_error(dim: int) -> float:
    """How far a cosine summed in float32 may be off.

    Any order of summation errs by at most d·u of the sum of magnitudes, itself at most 1 (Higham 2002, section 3.1);
    16 more for the scaling of both sides and the rounding of the exact value and of a cutoff.
    """
    return (dim + 16) * 2.0**-24


def single_cosines(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    x_lengths: NDArray[np.float64],
    y_lengths: NDArray[np.float64],
) -> NDArray[np.float32]:
    """`exact_cosines` to within `single_error`, in a third of its time; lengths from 1e-9 to 1e9."""
    result = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), GATHER):
        r, c = rows[start : start + GATHER], columns[start : start + GATHER]
        result[start : start + GATHER] = np.einsum("pd,pd->p", x[r], y[c]) / (x_lengths[r] * y_lengths[c])
    return result


def exact_cosines(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    x_lengths: NDArray[np.float64],
    y_lengths: NDArray[np.float64],
) -> NDArray[np.float32]:
    """The cosine of each pair (rows[p], columns[p]) summed in float64 and rounded once to float32.

    Products and sums run in an order given by the dimension alone, and are the same seen from either side, so a pair
    has one value whatever the blocks it was met in.

    Args:
        x: (n, d) raw vectors, with their lengths (n,).
        y: (m, d) raw vectors, with their lengths (m,).
        rows: (p,) indices into `x`.
        columns: (p,) indices into `y`.
        x_lengths: lengths of the rows of `x`.
        y_lengths: lengths of the rows of `y`.
    """
    result = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), GATHER):
        r, c = rows[start : start + GATHER], columns[start : start + GATHER]
        products = x[r].astype(np.float64)
        products *= y[c]
        result[start : start + GATHER] = products.sum(axis=1) / (x_lengths[r] * y_lengths[c])
    result += np.float32(0)  # no -0, whose bytes differ from those of 0
    return result


def pair_cosines(x: Any, y: Any, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float32]:
    """The cosines of given pairs, the same values as `two_way_knn` gives.

    Args:
        x: (n, d) array, `Vectors`, or anything with `rows`, `dim` and `block(start, stop)`.
        y: (m, d) likewise.
        rows: (p,) row numbers in `x`.
        columns: (p,) row numbers in `y`.

    Returns:
        (p,) float32.
    """
    left, right = as_rows(x), as_rows(y)
    result = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), READ):
        stop = start + READ
        near, r = np.unique(rows[start:stop], return_inverse=True)
        far, c = np.unique(columns[start:stop], return_inverse=True)
        a, b = Selection(left, near).block(0, len(near)), Selection(right, far).block(0, len(far))
        result[start:stop] = exact_cosines(a, b, r, c, row_lengths(a), row_lengths(b))
    return result
