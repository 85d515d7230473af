"""Neighbours by a FAISS index of codes, scored again with the exact cosines of the vectors themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.errors import InputError, UsageError
from xret.indexes.choice import readable_bytes
from xret.indexes.dense.training import core, faiss_module, write_faiss
from xret.indexes.twoway.approximate.factories import Way
from xret.indexes.twoway.filters.similarity import exact_cosines
from xret.indexes.twoway.plan import private_memory
from xret.indexes.twoway.rows import take
from xret.indexes.twoway.search import Search
from xret.indexes.twoway.sides import Side
from xret.indexes.twoway.topk import TopK

__all__ = ["QUERIES", "Coded", "Settings"]

_ADD = 16_384  # rows put into an index at a time
QUERIES = 32_768  # rows searched for and scored at a time
_SWEEP = 32_768  # rows of the other side read at a time, to score their candidates


@dataclass(frozen=True)
class Settings:
    """What is learnt from a sample depends on these.

    Attributes:
        seed: of the sample.
        memory: bytes that the process may take.
    """

    seed: int
    memory: int

    def rows(self, size: int) -> int:
        """Rows of `size` bytes that fit a quarter of the memory."""
        return max(1024, self.memory // 4 // size)


class Coded:
    """An index of one side, searched with the rows of the other."""

    def __init__(self, search: Search, way: Way, index: Any) -> None:
        """Of y, made by `learnt`."""
        self._search, self._way, self._index = search, way, index

    @classmethod
    def learnt(cls, search: Search, way: Way, settings: Settings) -> Coded:
        """Learn from a sample of y, and take in all of y.

        Raises:
            InputError: FAISS cannot make this index.
            UsageError: its codes do not fit the memory.
        """
        faiss = faiss_module()
        _check_room(search.y.rows.rows, way, settings)
        room = settings.rows(8 * search.y.rows.dim)
        size = min(search.y.rows.rows, max(way.centres, min(max(64 * way.centres, 65_536), room)))
        rows = np.sort(
            np.random.default_rng(settings.seed).choice(search.y.rows.rows, size, replace=False, shuffle=False)
        )
        try:
            index = faiss.index_factory(search.y.rows.dim, way.name, faiss.METRIC_INNER_PRODUCT)
            _quiet(core(index))
            index.train(_unit(search.y, rows))
            for start in range(0, search.y.rows.rows, _ADD):
                index.add(_unit(search.y, np.arange(start, min(start + _ADD, search.y.rows.rows))))
        except RuntimeError as error:  # all that FAISS raises
            reason = str(error).split("Error: ")[-1].replace("\n", " ")[:200]
            raise InputError(f"search '{way.name}' cannot be done: {reason}") from error
        return cls(search, way, index)

    def write(self, path: Path) -> None:
        """Keep the index in a file."""
        write_faiss(self._index, path)

    def all(self, probes: int, bar: Any) -> Iterator[tuple[int, TopK]]:
        """First row and lists of one block of x after the other."""
        for start in range(0, self._search.x.rows.rows, QUERIES):
            rows = np.arange(start, min(start + QUERIES, self._search.x.rows.rows))
            yield start, self.find(rows, probes)
            bar.update(len(rows))

    def find(self, rows: NDArray[np.int64], probes: int) -> TopK:
        """The lists of some rows of x, through `probes` lists of the index; shorter ones end in empty places."""
        x, y = self._search.x, self._search.y
        best = TopK(len(rows), self._search.plan.forward_k)
        fetch = min(self._way.fetch * self._search.plan.forward_k, y.rows.rows)
        inner = core(self._index)
        if self._way.lists:
            inner.nprobe = probes
        elif hasattr(inner, "hnsw"):
            inner.hnsw.efSearch = max(128, 2 * fetch)
        raw, lengths = take(x.rows, rows), x.lengths[rows]
        ids = self._index.search(raw / lengths.astype(np.float32)[:, None], fetch)[1]
        row, place = np.nonzero(ids >= 0)
        found = ids[row, place]
        order = np.argsort(found, kind="stable")
        row, found = row[order], found[order]
        for start in range(0, y.rows.rows, _SWEEP):
            first, last = np.searchsorted(found, (start, start + _SWEEP))
            near, column = np.unique(found[first:last], return_inverse=True)
            if not len(near):
                continue
            cosines = exact_cosines(raw, take(y.rows, near), row[first:last], column, lengths, y.lengths[near])
            best.fold(row[first:last], found[first:last], cosines)
        return best


def _check_room(rows: int, way: Way, settings: Settings) -> None:
    """Codes, row numbers, and half as much again while lists grow."""
    needed = private_memory() + int(1.5 * rows * way.size)
    if needed > settings.memory:
        raise UsageError(
            f"search '{way.name}' takes {readable_bytes(needed)} for {rows:,} vectors, more than the "
            f"{readable_bytes(settings.memory)} there may be; give more --memory, or take shorter codes (IVF…,RaBitQ)"
        )


def _unit(side: Side, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = take(side.rows, rows) / side.lengths[rows].astype(np.float32)[:, None]
    return unit


def _quiet(index: Any) -> None:
    """Settings that a factory string cannot spell."""
    for owner in (index, getattr(index, "pq", None)):
        if owner is not None and hasattr(owner, "cp"):
            owner.cp.min_points_per_centroid = 1  # else FAISS prints to stderr
    if hasattr(index, "do_polysemous_training"):
        index.do_polysemous_training = False
