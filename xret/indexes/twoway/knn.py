"""One blocked pass over the similarity matrix, feeding the best k of every row and of every column."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from xret.errors import InputError, MismatchError
from xret.indexes.twoway.blas import single_threaded_blas, worker_count
from xret.indexes.twoway.rows import Rows, Survey, as_rows, select, survey
from xret.indexes.twoway.similarity import BlockSimilarity, Float32Similarity, exact_cosines
from xret.indexes.twoway.topk import TopK, hits

__all__ = ["Neighbours", "TwoWay", "two_way_knn"]

logger = logging.getLogger("xret")
_TILES = 16  # blocks of columns prepared together, for each of which a block of rows need not be prepared again


@dataclass(frozen=True)
class Neighbours:
    """The nearest neighbours of n vectors, best first, ties by smaller id.

    Attributes:
        ids: (n, k) int64 row numbers on the other side.
        cosines: (n, k) float32, the cosine summed in float64 and rounded once.
    """

    ids: NDArray[np.int64]
    cosines: NDArray[np.float32]


@dataclass(frozen=True)
class TwoWay:
    """Neighbours of x in y (`forward`) and of y in x (`backward`)."""

    forward: Neighbours
    backward: Neighbours


def two_way_knn(
    x: Any,
    y: Any,
    *,
    k: int = 4,
    row_block: int = 1024,
    column_block: int = 4096,
    threads: int | None = None,
    progress: bool = False,
    similarity: BlockSimilarity | None = None,
) -> TwoWay:
    """Exact k nearest neighbours by cosine, in both directions, from one pass over the similarity matrix.

    The result is what brute force gives with the cosine of the float32 vectors summed in float64, rounded to float32,
    and ordered by (cosine descending, id ascending); it depends neither on the block sizes nor on the threads. Memory
    beside the result: ``threads * row_block * column_block * 4`` bytes, a block of rows per thread and
    sixteen of columns.

    Args:
        x: (n, d) array, `Vectors`, or anything with `rows`, `dim` and `block(start, stop)`; rows of any
            length but zero.
        y: (m, d) likewise.
        k: neighbours per vector; where the other side has fewer rows, all of them (fewer columns in the result).
        row_block: rows of x compared at once.
        column_block: rows of y compared at once.
        threads: CPU threads; None for all cores (or OMP_NUM_THREADS).
        progress: show a bar on stderr when it is a terminal.
        similarity: the arithmetic of the filter; None for float32. It changes the speed, not the result.

    Returns:
        forward ids and cosines (n, min(k, m)), backward ids and cosines (m, min(k, n)).

    Raises:
        MismatchError: x and y differ in dimension.
        VectorsError: a side is empty, or a row is zero or not finite.
        InputError: k or a block size below 1.
    """
    for name, value in (("k", k), ("row_block", row_block), ("column_block", column_block)):
        if value < 1:
            raise InputError(f"{name} = {value}: must be at least 1")
    left, right = as_rows(x), as_rows(y)
    if left.dim != right.dim:
        raise MismatchError(
            f"vectors of {left.dim} and of {right.dim} dimensions cannot be compared; encode both alike"
        )
    sides = _Side.of(left, k), _Side.of(right, k)
    task = _Pass(*sides, k, row_block, column_block, similarity or Float32Similarity())
    workers = worker_count(threads)
    logger.info(
        f"two-way k-NN: {left.rows} x {right.rows} x {left.dim}, k = {k}, "
        f"blocks {task.row_block} x {task.column_block}, "
        f"{task.similarity.name}, {workers} threads, "
        f"{left.rows - sides[0].rows.rows} + {right.rows - sides[1].rows.rows} repeated vectors set aside"
    )
    with single_threaded_blas() as limited:
        task.run(workers if limited else 1, progress)
    return TwoWay(sides[0].neighbours(task.forward, sides[1]), sides[1].neighbours(task.backward, sides[0]))


@dataclass(frozen=True)
class _Side:
    """One set of vectors without needless repetitions.

    Of equal rows only the k first can be anyone's neighbour (ties go to the smaller id), and all have the same
    neighbours: the others are set aside, so that thousands of equal vectors cost no more than k.
    """

    rows: Rows
    lengths: NDArray[np.float64]  # of the rows kept
    kept: NDArray[np.int64]  # their numbers
    first: NDArray[np.int64]  # for every row, the first one equal to it

    @classmethod
    def of(cls, rows: Rows, k: int) -> _Side:
        found: Survey = survey(rows)
        kept = np.flatnonzero(found.rank < k)
        return cls(select(rows, kept), found.lengths[kept], kept, found.first)

    def neighbours(self, best: TopK, other: _Side) -> Neighbours:
        """The lists of all rows, by numbers of all rows, from those of the rows kept."""
        place = np.searchsorted(self.kept, self.first)
        return Neighbours(other.kept[best.ids[place]], best.values[place])


@dataclass(frozen=True)
class _Block:
    """Rows `start` to `stop` of a side: as they are, and prepared for the product."""

    start: int
    stop: int
    raw: NDArray[np.float32]
    lengths: NDArray[np.float64]
    operand: Any


class _Pass:
    """The state of one pass: both sides, the two sets of lists, and one score buffer per thread."""

    def __init__(
        self, x: _Side, y: _Side, k: int, row_block: int, column_block: int, similarity: BlockSimilarity
    ) -> None:
        self.x, self.y, self.similarity = x, y, similarity
        self.forward, self.backward = TopK(x.rows.rows, min(k, y.rows.rows)), TopK(y.rows.rows, min(k, x.rows.rows))
        self.row_block, self.column_block = min(row_block, x.rows.rows), min(column_block, y.rows.rows)
        # Maxima of few entries each (see topk.py): enough of them that the k-th maximum is a sharp cutoff.
        self.classes = min(self.column_block, max(512, 4 * k))
        self.groups = min(self.row_block, max(16, 4 * k))
        self.depth, self.height = -(-self.column_block // self.classes), -(-self.row_block // self.groups)
        self.lock, self.local = threading.Lock(), threading.local()

    def run(self, workers: int, progress: bool) -> None:
        x_rows, y_rows = self.x.rows.rows, self.y.rows.rows
        bar = tqdm(total=x_rows * y_rows, unit="pair", unit_scale=True, desc="k-NN", disable=None if progress else True)
        pool = ThreadPoolExecutor(workers, thread_name_prefix="xret-knn")
        try:
            for start in range(0, y_rows, self.column_block * _TILES):
                starts = range(start, min(start + self.column_block * _TILES, y_rows), self.column_block)
                tiles = [self._block(self.y, first, min(first + self.column_block, y_rows)) for first in starts]
                for done in pool.map(
                    lambda first, tiles=tiles: self._compare_all(first, tiles), range(0, x_rows, self.row_block)
                ):
                    bar.update(done)
        finally:
            pool.shutdown(cancel_futures=True)
            bar.close()

    def _block(self, side: _Side, start: int, stop: int) -> _Block:
        raw, lengths = side.rows.block(start, stop), side.lengths[start:stop]
        return _Block(start, stop, raw, lengths, self.similarity.prepare(raw, lengths))

    def _compare_all(self, start: int, tiles: list[_Block]) -> int:
        """A block of rows with each of several blocks of columns; returns the entries compared."""
        rows = self._block(self.x, start, min(start + self.row_block, self.x.rows.rows))
        return sum(self._compare(rows, columns) for columns in tiles)

    def _compare(self, rows: _Block, columns: _Block) -> int:
        """One block of similarities, folded into the lists of its rows and of its columns; returns its entries."""
        n, m = rows.stop - rows.start, columns.stop - columns.start

        def exact(row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.float32]:
            return exact_cosines(rows.raw, columns.raw, row, column, rows.lengths, columns.lengths)

        by_row, by_column = self.similarity.error(rows.operand, columns.operand)
        scores = self._scores(rows, columns, n, m)
        wide = scores[:n].reshape(n, self.depth, self.classes)
        row, column = hits(wide, m, *self.forward.bar(rows.start, rows.stop), by_row, exact)
        # No other thread has these rows.
        self.forward.fold(row + rows.start, column + columns.start, exact(row, column))
        tall = scores.reshape(self.height, self.groups, -1)[:, :, :m].transpose(2, 0, 1)
        # Lists of columns are shared: one that another thread improves meanwhile only lets in too many candidates.
        column, row = hits(
            tall, n, *self.backward.bar(columns.start, columns.stop), by_column, lambda own, entry: exact(entry, own)
        )
        cosines = exact(row, column)
        with self.lock:
            self.backward.fold(column + columns.start, row + rows.start, cosines)
        return n * m

    def _scores(self, rows: _Block, columns: _Block, n: int, m: int) -> NDArray[np.float32]:
        """This thread's buffer, (height * groups, depth * classes), holding the block's scores and -inf around them."""
        buffer: NDArray[np.float32] | None = getattr(self.local, "buffer", None)
        if buffer is None:
            buffer = self.local.buffer = np.empty((self.groups * self.height, self.depth * self.classes), np.float32)
        buffer[n:] = -np.inf
        buffer[:n, m:] = -np.inf
        self.similarity.product(rows.operand, columns.operand, buffer[:n, :m])
        return buffer
