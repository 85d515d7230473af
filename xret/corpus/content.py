"""Small questions to a corpus table: its content hash, some of its rows. None of them copies the whole of a column."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.corpus.rows import CORE, Mask

__all__ = ["CorpusHash", "corpus_hash", "gather", "keep", "texts"]

CHUNK = 1 << 26  # bytes of a chunk that `gather` makes: far below the 2 GiB that an Arrow string array can hold
RUN = 64  # rows that a run of kept ones must have on average to be worth a slice
WIDTHS = {pa.string(): np.int32, pa.binary(): np.int32, pa.large_string(): np.int64, pa.large_binary(): np.int64}

Ints = npt.NDArray[np.int64]


def corpus_hash(table: pa.Table) -> str:
    """SHA-256 (64 hex characters) over id, text and lang, row by row in order.

    The same for any chunking, file format, string type, and further columns. A missing `lang` counts as ``und``.
    """
    state = CorpusHash()
    for start in range(0, table.num_rows, 65536):
        state.update(table.slice(start, 65536))
    return state.hexdigest()


class CorpusHash:
    """`corpus_hash` of a corpus that comes piece by piece."""

    def __init__(self) -> None:
        """Of no rows yet."""
        self._rows = 0
        self._columns = {name: (hashlib.sha256(), hashlib.sha256()) for name in CORE}

    def update(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Add rows `id, text` (+ `lang`)."""
        self._rows += rows.num_rows
        for name, (lengths, data) in self._columns.items():
            _feed(_part(rows, name), lengths, data)

    def hexdigest(self) -> str:
        """64 hex characters, of all rows so far."""
        total = hashlib.sha256(f"xret corpus 1: {self._rows} rows".encode())
        for lengths, data in self._columns.values():
            total.update(lengths.digest() + data.digest())
        return total.hexdigest()


def texts(table: pa.Table, start: int, stop: int) -> list[str]:
    """The texts of rows start (included) to stop (excluded)."""
    return cast("list[str]", table.column("text").slice(start, max(0, stop - start)).to_pylist())


def gather(column: pa.ChunkedArray, rows: Ints) -> pa.ChunkedArray:
    """The values of a column at (n,) row numbers, in their order; copies these values and nothing else.

    `pyarrow.ChunkedArray.take` joins all chunks first: a copy of the whole column, mapped or not, and an error where
    its strings pass 2 GiB. Here every chunk is asked for its own rows, and the result comes in chunks of 64 MiB.

    Raises:
        IndexError: a row number that is not in the column.
    """
    chunks = column.chunks
    starts = np.cumsum([0, *map(len, chunks)])
    if len(rows) and not 0 <= rows.min() <= rows.max() < starts[-1]:
        raise IndexError(f"rows {rows.min()} to {rows.max()} of a column of {starts[-1]}")
    owner = np.searchsorted(starts, rows, side="right") - 1  # of several chunks that start here, the last is not empty
    place = rows - starts[owner]
    windows = _windows(_sizes(chunks, owner, place))
    return pa.chunked_array([_take(chunks, owner[each], place[each]) for each in windows], column.type)


def keep(table: pa.Table, mask: Mask) -> pa.Table:
    """The rows of a mask (n,), batch by batch: batches and long runs of kept rows stay where they are, uncopied."""
    batches, start = [], 0
    for batch in table.to_batches():
        kept = mask[start : start + batch.num_rows]
        start += batch.num_rows
        edges = np.flatnonzero(np.diff(kept, prepend=False, append=False)).reshape(-1, 2)
        if len(edges) * RUN <= len(kept) or kept.all():
            batches += [batch.slice(first, last - first) for first, last in edges.tolist()]
        else:
            batches.append(batch.filter(pa.array(kept)))
    return pa.Table.from_batches(batches, table.schema)


def _windows(sizes: Ints) -> Iterator[slice]:
    """Runs of values of `CHUNK` bytes together; of one value where that has more."""
    ends, start = np.cumsum(sizes), 0
    while start < len(ends):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + CHUNK, side="right")))
        yield slice(start, stop)
        start = stop


def _sizes(chunks: list[pa.Array], owner: Ints, place: Ints) -> Ints:
    """(n,) bytes that the values at `place` of the chunks `owner` take."""
    sizes = np.empty(len(owner), np.int64)
    for number, where in _groups(owner):
        chunk = chunks[number]
        if width := WIDTHS.get(chunk.type):
            start = chunk.offset * np.dtype(width).itemsize
            ends = np.frombuffer(chunk.buffers()[1], width, len(chunk) + 1, offset=start)
            sizes[where] = ends[place[where] + 1] - ends[place[where]]
        else:
            sizes[where] = chunk.nbytes // len(chunk) + 1
    return sizes


def _take(chunks: list[pa.Array], owner: Ints, place: Ints) -> pa.Array:
    groups = list(_groups(owner))
    taken = [chunks[number].take(pa.array(place[where])) for number, where in groups]
    if len(taken) == 1:
        return taken[0]
    joined, order = pa.concat_arrays(taken), np.concatenate([where for _, where in groups])
    if (np.diff(order) > 0).all():
        return joined
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    return joined.take(pa.array(back))


def _groups(owner: Ints) -> Iterator[tuple[int, Ints]]:
    """Every number in `owner`, ascending, with the places where it stands."""
    order = np.argsort(owner, kind="stable")
    numbers, opens = np.unique(owner[order], return_index=True)
    yield from zip(numbers.tolist(), np.split(order, opens[1:]), strict=True) if len(numbers) else ()


def _part(rows: pa.Table | pa.RecordBatch, name: str) -> pa.Array:
    if name == "lang" and name not in rows.schema.names:
        return pa.array(["und"] * rows.num_rows)
    column = rows.column(name).cast(pa.large_string())
    if isinstance(column, pa.Array):
        return column
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


def _feed(array: pa.Array, lengths: hashlib._Hash, data: hashlib._Hash) -> None:
    array = array.cast(pa.large_string())
    buffers = array.buffers()
    offsets = np.frombuffer(buffers[1], np.int64, len(array) + 1, offset=8 * array.offset)
    lengths.update(np.diff(offsets).astype("<i8").tobytes())
    if buffers[2] is not None:
        data.update(memoryview(buffers[2])[int(offsets[0]) : int(offsets[-1])])
