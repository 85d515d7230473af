"""Two blocks of vectors compared: which pairs may be among somebody's k best, and their exact cosines."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xret.indexes.twoway.filters.similarity import (
    BlockSimilarity,
    Bound,
    Float32Similarity,
    exact_cosines,
    single_cosines,
    single_error,
)
from xret.indexes.twoway.topk import Bar, Entries, hits

__all__ = ["Block", "BlockFilter", "Filter", "Meeting"]

logger = logging.getLogger("xret")
_JUDGED = 1 << 26  # pairs over which needless ones are counted
_NEEDLESS = 0.003, 0.012  # share of them, for each of k and at least, from which on float32 is faster
_TAME = (1e-9, 1e9)  # lengths whose products float32 holds


@dataclass(frozen=True)
class Block:
    """Rows `start` to `stop` of a side: as they are, and prepared for the product."""

    start: int
    stop: int
    raw: NDArray[np.float32]
    lengths: NDArray[np.float64]
    operand: Any

    @cached_property
    def tame(self) -> bool:
        """Whether float32 holds products of raw rows."""
        return bool(self.lengths.min() >= _TAME[0] and self.lengths.max() <= _TAME[1])


@dataclass(frozen=True)
class Meeting:
    """A block of rows and a block of columns."""

    rows: Block
    columns: Block

    def exact(self, row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.float32]:
        """(p,) cosines of pairs."""
        a, b = self.rows, self.columns
        return exact_cosines(a.raw, b.raw, row, column, a.lengths, b.lengths)

    def least(self, row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.float32]:
        """(p,) what the cosines of pairs reach at least; sharp to some 1e-5, and cheap."""
        if not self._quick:
            return self.exact(row, column)
        return self._single(row, column) - np.float32(single_error(self.rows.raw.shape[1]))

    def promising(
        self, row: NDArray[np.int64], column: NDArray[np.int64], own: NDArray[np.int64], bar: Bar
    ) -> NDArray[np.int64]:
        """Which of (p,) pairs may enter the list of their owner, by cheap sums: their places, by owner, best first.

        Args:
            row: of each pair.
            column: of each pair.
            own: which of the two the owner is: one of these arrays.
            bar: what must be reached, of all owners.
        """
        if not self._quick:
            return np.arange(len(row))
        worst, k = bar
        single, error = self._single(row, column), np.float32(single_error(self.rows.raw.shape[1]))
        place = np.flatnonzero(single >= worst[own] - error)
        single, own = single[place], own[place]
        order = np.argsort(own - 0.25 * single.astype(np.float64))
        single, own = single[order], own[order]
        number = np.arange(len(own))
        first = np.maximum.accumulate(np.where(np.diff(own, prepend=-1) != 0, number, 0))
        kth = np.minimum(first + k - 1, max(0, len(own) - 1))
        # k others of the same block come before what is worse than the k-th, whatever the errors of both.
        kept = (own[kth] != own) | (single >= single[kth] - 2 * error)
        chosen: NDArray[np.int64] = place[order[kept]]
        return chosen

    @property
    def _quick(self) -> bool:
        return self.rows.tame and self.columns.tame

    def _single(self, row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.float32]:
        a, b = self.rows, self.columns
        return single_cosines(a.raw, b.raw, row, column, a.lengths, b.lengths)


class Filter(Protocol):
    """Finds the pairs of two blocks that may enter a list: all that do, and few others."""

    @property
    def name(self) -> str:
        """Of the arithmetic."""

    @property
    def coarse(self) -> bool:
        """Whether so many needless pairs are found that cheap sums pay before exact ones."""

    def prepare(self, raw: NDArray[np.float32], lengths: NDArray[np.float64]) -> Any:
        """What the filter makes of a block's rows (n, d)."""

    def ahead(self, meeting: Meeting, bar: Bar) -> Entries:
        """Pairs (row, column) that may enter the list of the row; `bar` is what they must reach. Called first."""

    def back(self, meeting: Meeting, bar: Bar) -> Entries:
        """Pairs (column, row) that may enter the list of the column, of the meeting that `ahead` saw last."""

    def learn(self, pairs: int, needless: int) -> None:
        """Hear how many of the pairs found in `pairs`, of a meeting and either direction, cheap sums did away with."""


@dataclass
class _Prepared:
    """A block's operand, and the similarity that it is of."""

    similarity: BlockSimilarity
    operand: Any

    def take(self, rows: NDArray[np.int64]) -> _Prepared:
        """Of some rows."""
        part = self.operand[rows] if isinstance(self.operand, np.ndarray) else self.operand.take(rows)
        return _Prepared(self.similarity, part)


class BlockFilter:
    """All similarities of two blocks in this thread's buffer, and the few that matter picked out.

    Where the vectors lie so close together that coarse arithmetic tells few of them apart, the filter changes to
    float32 on the way: the neighbours are the same.
    """

    def __init__(self, similarity: BlockSimilarity, row_block: int, column_block: int, k: int) -> None:
        """Filter blocks of at most `row_block` and `column_block` rows, for lists of k."""
        self._similarity = similarity
        # Maxima of few entries each (see topk.py): enough of them that the k-th maximum is a sharp cutoff.
        self._classes, self._groups = min(column_block, max(512, 4 * k)), min(row_block, max(16, 4 * k))
        self._depth, self._height = -(-column_block // self._classes), -(-row_block // self._groups)
        self._local, self._lock = threading.local(), threading.Lock()
        self._pairs = self._needless = 0
        self._most = max(_NEEDLESS[0] * k, _NEEDLESS[1])

    @property
    def name(self) -> str:
        """Of the arithmetic."""
        return self._similarity.name

    @property
    def coarse(self) -> bool:
        """Whether so many needless pairs are found that cheap sums pay before exact ones."""
        return not isinstance(self._similarity, Float32Similarity)

    def prepare(self, raw: NDArray[np.float32], lengths: NDArray[np.float64]) -> Any:
        """The similarity's operand."""
        similarity = self._similarity
        return _Prepared(similarity, similarity.prepare(raw, lengths))

    def ahead(self, meeting: Meeting, bar: Bar) -> Entries:
        """Compute the block; hits of rows."""
        rows, columns = meeting.rows, meeting.columns
        n, m = rows.stop - rows.start, columns.stop - columns.start
        scores, error = self._scores(rows, columns, n, m)
        self._local.seen = scores, error[1]
        wide = scores[:n].reshape(n, self._depth, self._classes)[:, : -(-m // self._classes)]
        return hits(wide, m, *bar, error[0], meeting.least)

    def back(self, meeting: Meeting, bar: Bar) -> Entries:
        """Hits of columns."""
        n, m = len(meeting.rows.raw), len(meeting.columns.raw)
        scores, error = self._local.seen
        tall = scores.reshape(self._height, self._groups, -1)[: -(-n // self._groups), :, :m].transpose(2, 0, 1)
        return hits(tall, n, *bar, error, lambda own, entry: meeting.least(entry, own))

    def learn(self, pairs: int, needless: int) -> None:
        """Change to float32 where needless pairs cost more than the coarse arithmetic saves."""
        with self._lock:
            self._pairs, self._needless = self._pairs + pairs, self._needless + needless
            if self.coarse and self._needless > self._most * _JUDGED:
                share = self._needless / self._pairs
                logger.info(f"k-NN: {self.name} does not tell {share:.1%} of pairs from the nearest; now in float32")
                self._similarity = Float32Similarity()
            if self._pairs > _JUDGED:
                self._pairs = self._needless = 0

    def _scores(self, rows: Block, columns: Block, n: int, m: int) -> tuple[NDArray[np.float32], tuple[Bound, Bound]]:
        """The block's scores, and -inf around them as far as anybody looks; and the bounds on their errors.

        The scores are (height * groups, depth * classes).
        """
        buffer: NDArray[np.float32] | None = getattr(self._local, "buffer", None)
        if buffer is None:
            buffer = np.empty((self._groups * self._height, self._depth * self._classes), np.float32)
            self._local.buffer = buffer
        buffer[n : -(-n // self._groups) * self._groups, :m] = -np.inf
        buffer[:n, m : -(-m // self._classes) * self._classes] = -np.inf
        similarity = self._similarity
        operands = _operand(rows, similarity), _operand(columns, similarity)
        similarity.product(*operands, buffer[:n, :m])
        return buffer, similarity.error(*operands)


def _operand(block: Block, similarity: BlockSimilarity) -> Any:
    """The block's, made anew where it was prepared for another similarity (by several threads at once, if need be)."""
    prepared: _Prepared = block.operand
    if prepared.similarity is similarity:
        return prepared.operand
    made = similarity.prepare(block.raw, block.lengths)
    object.__setattr__(block, "operand", _Prepared(similarity, made))
    return made
