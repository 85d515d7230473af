"""One pass over a range of rows and all columns of the similarity matrix, feeding the best k of each."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from xret.indexes.twoway.filters.blocks import Block, Filter, Meeting
from xret.indexes.twoway.plan import Plan
from xret.indexes.twoway.sides import Side
from xret.indexes.twoway.topk import Bar, TopK

__all__ = ["BlockPass"]


@dataclass(frozen=True)
class BlockPass:
    """Rows against columns, block by block, on several threads."""

    x: Side
    y: Side
    plan: Plan
    filter: Filter
    workers: int
    bar: tqdm  # type: ignore[type-arg]  # counts pairs
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, start: int, stop: int, backward: TopK) -> TopK:
        """The lists of rows `start` to `stop`; those of all columns, in `backward`, take in these rows."""
        forward = TopK(stop - start, self.plan.forward_k)
        columns, size = self.y.rows.rows, self.plan.column_block
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="xret-knn")
        try:
            for first in range(0, columns, size * self.plan.tiles):
                last = min(first + size * self.plan.tiles, columns)
                tiles = [self._block(self.y, at, min(at + size, columns)) for at in range(first, last, size)]

                def compare(at: int, tiles: list[Block] = tiles) -> int:
                    return self._compare_all(at, min(at + self.plan.row_block, stop), tiles, (forward, start), backward)

                for done in pool.map(compare, range(start, stop, self.plan.row_block)):
                    self.bar.update(done)
        finally:
            pool.shutdown(cancel_futures=True)
        return forward

    def _block(self, side: Side, start: int, stop: int) -> Block:
        raw, lengths = side.rows.block(start, stop), side.lengths[start:stop]
        return Block(start, stop, raw, lengths, self.filter.prepare(raw, lengths))

    def _compare_all(self, start: int, stop: int, tiles: list[Block], forward: tuple[TopK, int], backward: TopK) -> int:
        """A block of rows with each of several blocks of columns; returns the pairs compared."""
        rows = self._block(self.x, start, stop)
        for columns in tiles:
            self._compare(Meeting(rows, columns), *forward, backward)
        return (stop - start) * (tiles[-1].stop - tiles[0].start)

    def _compare(self, meeting: Meeting, forward: TopK, offset: int, backward: TopK) -> None:
        rows, columns = meeting.rows, meeting.columns
        at = rows.start - offset
        bar = forward.bar(at, rows.stop - offset)
        row, column, cosine = self._rescored(meeting, *self.filter.ahead(meeting, bar), bar, ahead=True)
        forward.fold(row + at, column + columns.start, cosine)  # no other thread has these rows
        # Lists of columns are shared: one that another thread improves meanwhile only lets in too many candidates.
        bar = backward.bar(columns.start, columns.stop)
        column, row = self.filter.back(meeting, bar)
        row, column, cosine = self._rescored(meeting, row, column, bar, ahead=False)
        with self.lock:
            backward.fold(column + columns.start, row + rows.start, cosine)

    def _rescored(
        self, meeting: Meeting, row: NDArray[np.int64], column: NDArray[np.int64], bar: Bar, *, ahead: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """The pairs that may enter a list, of rows or of columns, with exact cosines: cheap sums first, if they pay."""
        if self.filter.coarse:
            kept = meeting.promising(row, column, row if ahead else column, bar)
            self.filter.learn(len(meeting.rows.raw) * len(meeting.columns.raw), len(row) - len(kept))
            row, column = row[kept], column[kept]
        return row, column, meeting.exact(row, column)
