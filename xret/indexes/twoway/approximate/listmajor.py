"""Approximate neighbours list by list: what lies in one inverted list is compared as blocks, in both directions.

Ordinary inverted-list search walks the lists of one query after the other, vector by vector. Where there are as many
queries as vectors, each list is the concern of thousands of them: they are compared with it in one matrix product.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.indexes.twoway.blas import single_threaded_blas
from xret.indexes.twoway.filters.blocks import Block, Meeting
from xret.indexes.twoway.rows import take
from xret.indexes.twoway.search import Search
from xret.indexes.twoway.sides import Side
from xret.indexes.twoway.topk import TopK

__all__ = ["Clusters", "ListMajor"]

Ints = NDArray[np.int64]
Lists = NDArray[np.int32]
_READ = 8192  # rows assigned at a time
_CHUNK = 131_072  # rows of x held at a time at most


@dataclass(frozen=True)
class Clusters:
    """Centres of inverted lists.

    Attributes:
        index: FAISS's over the centres, by inner product.
        lists: how many.
    """

    index: Any
    lists: int

    def nearest(self, side: Side, rows: Ints, probes: int) -> NDArray[np.int32]:
        """(p, probes) the lists nearest to each of some rows, nearest first."""
        out = np.empty((len(rows), probes), np.int32)
        for start in range(0, len(rows), _READ):
            which = rows[start : start + _READ]
            unit = take(side.rows, which) / side.lengths[which].astype(np.float32)[:, None]
            out[start : start + len(which)] = self.index.search(unit, probes)[1]
        return out


@dataclass(frozen=True)
class _Piece:
    """Rows of a side held in memory: their numbers, and themselves as a block."""

    numbers: Ints
    block: Block

    @classmethod
    def of(cls, side: Side, numbers: Ints, search: Search) -> _Piece:
        raw, lengths = take(side.rows, numbers), side.lengths[numbers]
        return cls(numbers, Block(0, len(numbers), raw, lengths, search.filter.prepare(raw, lengths)))

    def take(self, rows: Ints) -> _Piece:
        own = self.block
        part = Block(0, len(rows), own.raw[rows], own.lengths[rows], own.operand.take(rows))
        return _Piece(self.numbers[rows], part)

    def cut(self, size: int) -> Iterator[_Piece]:
        for start in range(0, len(self.numbers), size):
            yield self.take(np.arange(start, min(start + size, len(self.numbers))))


class ListMajor:
    """One approximate search: every vector of x is compared with those of y in the lists that are near to it."""

    def __init__(
        self, search: Search, near: Callable[[Ints], Lists], home: NDArray[np.int32], *, chunk: int, bar: Any
    ) -> None:
        """Prepare it.

        Args:
            search: of both sides.
            near: (p, probes) the lists to look into for each of some rows of x; -1 for none.
            home: (rows of y,) the list of each.
            chunk: rows of x at a time.
            bar: counts rows of x.
        """
        self._chunk = max(_READ, min(chunk, _CHUNK) // _READ * _READ)
        self._search, self._near, self._bar = search, near, bar
        self._lock = threading.Lock()
        self._members = np.argsort(home, kind="stable")
        self._ends = np.searchsorted(home[self._members], np.arange(int(home.max(initial=-1)) + 2))

    def run(self) -> tuple[TopK, TopK]:
        """The lists of x and of y."""
        rows = self._search.x.rows.rows
        forward, backward = self._search.empty(rows, self._search.y.rows.rows)
        with single_threaded_blas() as limited, ThreadPoolExecutor(self._search.workers if limited else 1) as pool:
            for start in range(0, rows, self._chunk):
                numbers = np.arange(start, min(start + self._chunk, rows))
                held = _Piece.of(self._search.x, numbers, self._search)
                for _ in pool.map(
                    lambda job, held=held: self._meet(held.take(job[1]), job[0], forward, backward),
                    self._visits(self._near(numbers)),
                ):
                    pass
                self._bar.update(len(numbers))
        return forward, backward

    def _visits(self, near: Lists) -> Iterator[tuple[int, Ints]]:
        """(list, rows that look into it) of lists that somebody is in."""
        flat = near.ravel()
        order = np.argsort(flat, kind="stable")
        lists, begin = np.unique(flat[order], return_index=True)
        ends = np.append(begin[1:], len(order))
        for number, first, last in zip(lists.tolist(), begin.tolist(), ends.tolist(), strict=True):
            if 0 <= number < len(self._ends) - 1:
                yield number, order[first:last] // near.shape[1]

    def _meet(self, rows: _Piece, list_number: int, forward: TopK, backward: TopK) -> None:
        members = self._members[self._ends[list_number] : self._ends[list_number + 1]]
        if not len(members):
            return
        columns = _Piece.of(self._search.y, members, self._search)
        plan = self._search.plan
        for down in rows.cut(plan.row_block):
            for across in columns.cut(plan.column_block):
                self._compare(down, across, forward, backward)

    def _compare(self, down: _Piece, across: _Piece, forward: TopK, backward: TopK) -> None:
        meeting = Meeting(down.block, across.block)
        bar = forward.values[down.numbers, -1], forward.values.shape[1]
        row, column = self._search.filter.ahead(meeting, bar)
        kept = meeting.promising(row, column, row, bar)
        row, column = row[kept], column[kept]
        cosine = meeting.exact(row, column)
        with self._lock:
            forward.fold(down.numbers[row], across.numbers[column], cosine)
        bar = backward.values[across.numbers, -1], backward.values.shape[1]
        column, row = self._search.filter.back(meeting, bar)
        kept = meeting.promising(row, column, column, bar)
        row, column = row[kept], column[kept]
        cosine = meeting.exact(row, column)
        with self._lock:
            backward.fold(across.numbers[column], down.numbers[row], cosine)
