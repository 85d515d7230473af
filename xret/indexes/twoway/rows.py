"""Sets of vectors read block by block: arrays, stores on disk, and selections of rows from either."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.errors import VectorsError
from xret.vectors import Vectors

__all__ = ["Rows", "Selection", "Survey", "as_rows", "first_of_equal", "row_lengths", "select", "survey"]

READ = 4096  # rows looked at together when a whole set is passed over
SHORTEST, LONGEST = 1e-30, 1e30  # lengths between which scaling in float32 loses nothing


class Rows(Protocol):
    """A set of vectors: `rows` x `dim`, read in blocks (`xret.vectors.Vectors` is one)."""

    @property
    def rows(self) -> int:
        """Number of vectors."""

    @property
    def dim(self) -> int:
        """Dimensions of each."""

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        """Rows `start` to `stop`: (stop - start, dim) float32, C-contiguous."""


@dataclass(frozen=True)
class Selection:
    """Some rows of another set, in its order; reads in bounded pieces even where the chosen rows lie far apart.

    Args:
        source: the whole set.
        chosen: (n,) int64 strictly ascending row numbers.
    """

    source: Rows
    chosen: NDArray[np.int64]

    @property
    def rows(self) -> int:
        """Number of chosen vectors."""
        return len(self.chosen)

    @property
    def dim(self) -> int:
        """Dimensions of each."""
        return self.source.dim

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        """Chosen rows `start` to `stop`."""
        wanted = self.chosen[start:stop]
        result = np.empty((len(wanted), self.dim), np.float32)
        done = 0
        while done < len(wanted):
            first = int(wanted[done])
            end = int(np.searchsorted(wanted, first + READ))
            piece = self.source.block(first, int(wanted[end - 1]) + 1)
            result[done:end] = piece[wanted[done:end] - first]
            done = end
        return result


def take(rows: Rows, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
    """Any rows in any order, (p, dim): without reading those between them, where the set can do that (`Vectors`)."""
    if isinstance(rows, Selection):
        return take(rows.source, rows.chosen[numbers])
    if isinstance(rows, Vectors):
        return rows.take(numbers)
    near, place = np.unique(numbers, return_inverse=True)
    return Selection(rows, near).block(0, len(near))[place]


def as_rows(value: Any) -> Rows:
    """Arrays, nested lists, tables and folders opened as `Vectors`; what already reads in blocks as it is.

    Raises:
        VectorsError: not vectors, or without rows or columns.
    """
    if isinstance(value, list | tuple):
        value = _from_lists(value)
    found: Rows = Vectors.open(value) if isinstance(value, np.ndarray | pa.Table | str | Path) else value
    if not all(hasattr(found, name) for name in ("rows", "dim", "block")):
        raise VectorsError(f"vectors: found {type(value).__name__}, wanted an array, a table or a vectors folder")
    if found.rows < 1 or found.dim < 1:
        raise VectorsError(f"vectors: found {found.rows} rows of {found.dim} dimensions; wanted at least one row")
    return found


def _from_lists(value: Sequence[Any]) -> NDArray[np.float32]:
    try:
        return np.asarray(value, np.float32)
    except (TypeError, ValueError) as error:
        raise VectorsError(f"vectors: lists that are no (rows, dim) array of numbers ({error})") from error


def select(source: Rows, chosen: NDArray[np.int64]) -> Rows:
    """The rows `chosen` (ascending) of a set; the set itself where that is all of them."""
    return source if len(chosen) == source.rows else Selection(source, chosen)


def row_lengths(block: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n,) lengths of the rows of (n, d), summed in float64 in an order given by d alone."""
    wide = block.astype(np.float64)
    wide *= wide
    lengths: NDArray[np.float64] = np.sqrt(wide.sum(axis=1))
    return lengths


@dataclass(frozen=True)
class Survey:
    """What one pass over a set of vectors tells: lengths (n,) float64, and for each row the first row equal to it."""

    lengths: NDArray[np.float64]
    first: NDArray[np.int64]
    rank: NDArray[np.int64]  # 0 for the first of equal rows, 1 for the next …
    content: str  # SHA-256 of the hashes of all rows


def survey(rows: Rows) -> Survey:
    """Measure lengths and find equal rows (by 128-bit hash of their float32 bytes).

    Raises:
        VectorsError: a row has a length of zero (or one beyond 1e±30), or holds NaN or infinity.
    """
    lengths = np.empty(rows.rows, np.float64)
    digests = np.empty((rows.rows, 2), np.uint64)
    content = hashlib.sha256()
    for start in range(0, rows.rows, READ):
        block = rows.block(start, min(start + READ, rows.rows))
        stop = start + len(block)
        lengths[start:stop] = row_lengths(block)
        sound = (lengths[start:stop] >= SHORTEST) & (lengths[start:stop] <= LONGEST)
        if not sound.all():
            bad = start + int(np.argmin(sound))
            raise VectorsError(
                f"{_named(rows, bad)} has length {lengths[bad]:g}; a cosine needs a finite vector that is not zero"
            )
        hashes = b"".join(hashlib.blake2b(row, digest_size=16).digest() for row in block)
        digests[start:stop] = np.frombuffer(hashes, np.uint64).reshape(-1, 2)
        content.update(hashes)
    first, rank = first_of_equal(digests)
    return Survey(lengths, first, rank, content.hexdigest())


def _named(rows: Rows, number: int) -> str:
    """A vector, as messages name it: by its number, counted from 1, in the set that was given."""
    if isinstance(rows, Selection):
        return _named(rows.source, int(rows.chosen[number]))
    if isinstance(rows, Vectors):
        return f"{rows.source}: vector {number + 1} (id '{rows.ids()[number]}')"
    return f"vectors: vector {number + 1}"


def first_of_equal(digests: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each of n keys, (n, 2) uint64: the position of its first equal, and how many equals stand before it."""
    order = np.lexsort((digests[:, 1], digests[:, 0]))  # stable: equal keys stay in order of position
    ordered = digests[order]
    opens = np.ones(len(order), bool)
    opens[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    begin = np.maximum.accumulate(np.where(opens, np.arange(len(order)), 0))
    first, rank = np.empty(len(order), np.int64), np.empty(len(order), np.int64)
    first[order] = order[begin]
    rank[order] = np.arange(len(order)) - begin
    return first, rank
