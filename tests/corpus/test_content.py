"""Taking rows of a column: like Python's own indexing, whatever the chunks, and without copying the rest."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.corpus import content as module
from xret.corpus import gather, keep
from xret.pipeline import hashes

POOLS: list[Any] = []  # what was allocated from a pool may outlive its test
TYPES = (pa.string(), pa.large_string(), pa.binary())
WORDS = st.none() | st.text(max_size=5)


@contextmanager
def counted() -> Iterator[Any]:
    """An Arrow memory pool of its own: `max_memory()` is what was held at once; mapped files do not count."""
    before = pa.default_memory_pool()
    POOLS.append(pa.proxy_memory_pool(before))
    pa.set_memory_pool(POOLS[-1])
    try:
        yield POOLS[-1]
    finally:
        pa.set_memory_pool(before)


def chunked(values: pa.Array, cuts: list[int]) -> pa.ChunkedArray:
    """Slices (offset, and some of them empty) of one array."""
    edges = itertools.pairwise([0, *sorted(cuts), len(values)])
    return pa.chunked_array([values.slice(start, stop - start) for start, stop in edges], values.type)


@st.composite
def columns(draw: st.DrawFn) -> pa.ChunkedArray:
    values: list[Any] = draw(st.lists(WORDS, min_size=1, max_size=30))
    kind = draw(st.sampled_from(["words", "lists", "numbers", "codes"]))
    if kind == "words":
        array = pa.array(values, pa.string()).cast(draw(st.sampled_from(TYPES)))
    elif kind == "lists":
        array = pa.array([None if value is None else list(value) for value in values], pa.list_(pa.string()))
    elif kind == "numbers":
        array = pa.array([None if value is None else len(value) for value in values], pa.int16())
    else:
        array = pa.array(values, pa.string()).dictionary_encode()
    return chunked(array, draw(st.lists(st.integers(0, len(values)), max_size=6)))


@settings(max_examples=150, deadline=None)
@given(columns(), st.data())
def test_gather_is_indexing(column: pa.ChunkedArray, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(column) - 1), max_size=40))
    values = column.to_pylist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", data.draw(st.sampled_from([1, 7, 1 << 26])))
        found = gather(column, np.array(rows, np.int64))
        found.validate(full=True)
    assert found.type == column.type and found.to_pylist() == [values[row] for row in rows]


@settings(max_examples=100, deadline=None)
@given(columns(), st.data())
def test_keep_is_filtering(column: pa.ChunkedArray, data: st.DataObject) -> None:
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(column), max_size=len(column))), bool)
    table = pa.table({"value": column, "row": pa.array(range(len(column)))})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "RUN", data.draw(st.sampled_from([1, 3, 64])))
        found = keep(table, mask)
    assert found.schema == table.schema
    assert found.to_pylist() == list(itertools.compress(table.to_pylist(), mask))


def test_results_come_in_chunks_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 100)
    column = pa.chunked_array([["a" * 30, "b" * 30], ["c" * 250]])
    found = gather(column, np.array([0, 1, 0, 1, 2, 0]))
    assert [chunk.to_pylist() for chunk in found.chunks] == [
        [letter * 30 for letter in "aba"], ["b" * 30], ["c" * 250], ["a" * 30],
    ]  # fmt: skip


@pytest.mark.parametrize("row", [-1, 3])
def test_a_row_that_is_not_there(row: int) -> None:
    with pytest.raises(IndexError, match="of a column of 3"):
        gather(pa.chunked_array([["a", "b"], ["c"]]), np.array([0, row]))


def texts(chunks: int = 100, rows: int = 20, size: int = 10_000) -> pa.ChunkedArray:
    """20 MB in 100 chunks, all values distinct."""
    return pa.chunked_array(
        [[f"{chunk}.{row} ".ljust(size, "x") for row in range(rows)] for chunk in range(chunks)], pa.string()
    )


def test_gather_copies_what_it_gives_and_no_more() -> None:
    column = texts()
    with counted() as pool:
        found = gather(column, np.array([1999, 0, 700, 701]))
    assert [text.as_py().split()[0] for text in found] == ["99.19", "0.0", "35.0", "35.1"]
    assert pool.max_memory() < 500_000


def test_few_rows_left_out_copy_nothing() -> None:
    table, mask = pa.table({"text": pa.concat_arrays(texts().chunks)}), np.ones(2000, bool)
    mask[[5, 1000, 1001]] = False
    with counted() as pool:
        assert keep(table, mask).num_rows == 1997
    assert pool.max_memory() < 500_000


def test_hashing_copies_a_window_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashes, "WINDOW", 50)
    table = pa.table({"text": texts()})
    with counted() as pool:
        hashes.table_hash(table)
    assert pool.max_memory() < 5_000_000
