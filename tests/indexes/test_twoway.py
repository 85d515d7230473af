"""Two-way k-NN equals brute force, in ids and in values, whatever blocks, threads and filter arithmetic are."""

from __future__ import annotations

import logging
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from xret.errors import InputError, MismatchError, VectorsError
from xret.indexes.twoway import Neighbours, two_way_knn
from xret.indexes.twoway.blas import worker_count

Array = NDArray[Any]


def brute_force(x: Array, y: Array, k: int) -> tuple[list[list[int]], list[list[np.float32]]]:
    """The definition, in plain loops: exact sums, one rounding to float32, order by value and then id."""
    ids, cosines = [], []
    for a in x.tolist():
        scored = []
        for j, b in enumerate(y.tolist()):
            lengths = math.sqrt(math.fsum(v * v for v in a)) * math.sqrt(math.fsum(v * v for v in b))
            scored.append((-np.float32(math.fsum(v * w for v, w in zip(a, b, strict=True)) / lengths), j))
        best = sorted(scored)[:k]
        ids.append([j for _, j in best])
        cosines.append([-s for s, _ in best])
    return ids, cosines


def assert_equal(found: Neighbours, wanted: tuple[list[list[int]], list[list[np.float32]]]) -> None:
    assert found.ids.dtype == np.int64
    assert found.cosines.dtype == np.float32
    assert found.ids.tolist() == wanted[0]
    assert found.cosines.tolist() == wanted[1]


def sides(most: int, dim: int) -> st.SearchStrategy[Array]:
    # Few distinct values in few dimensions: equal rows, equal cosines of unequal rows, and parallel rows abound.
    rows = hnp.arrays(np.float32, st.tuples(st.integers(1, most), st.just(dim)), elements=st.integers(-2, 2).map(float))
    return rows.filter(lambda a: bool(np.abs(a).sum(axis=1).all()))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_equals_brute_force_with_ties_and_any_blocks(data: st.DataObject) -> None:
    dim = data.draw(st.integers(1, 4))
    x, y = data.draw(sides(14, dim)), data.draw(sides(14, dim))
    k = data.draw(st.integers(1, 18))
    rows, columns, threads = (data.draw(st.integers(1, most)) for most in (16, 16, 2))
    found = two_way_knn(x, y, k=k, row_block=rows, column_block=columns, threads=threads)
    assert_equal(found.forward, brute_force(x, y, k))
    assert_equal(found.backward, brute_force(y, x, k))
    assert found.forward.ids.shape == (len(x), min(k, len(y)))
    assert found.backward.ids.shape == (len(y), min(k, len(x)))


def crowded(rows: int, dim: int, seed: int) -> Array:
    """Vectors in tight heaps (distances near float32's resolution), with exact repetitions."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(1).standard_normal((max(1, rows // 8), dim))
    x = centres[rng.integers(0, len(centres), rows)] + 1e-6 * rng.standard_normal((rows, dim))
    x[rng.integers(0, rows, rows // 4)] = x[rng.integers(0, rows, rows // 4)]
    return x.astype(np.float32)


def test_near_ties_beyond_float32_resolution() -> None:
    x, y = crowded(90, 48, 2), crowded(70, 48, 3)
    for blocks in ((7, 11), (64, 32), (1024, 4096)):
        found = two_way_knn(x, y, k=5, row_block=blocks[0], column_block=blocks[1])
        assert_equal(found.forward, brute_force(x, y, 5))
        assert_equal(found.backward, brute_force(y, x, 5))


class Coarse:
    """A filter of very low precision: any arithmetic will do as long as its error is bounded."""

    name = "coarse"

    def prepare(self, block: NDArray[np.float32], lengths: NDArray[np.float64]) -> NDArray[np.float32]:
        return (block / lengths[:, None]).astype(np.float32)

    def product(self, rows: NDArray[np.float32], columns: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        out[:] = np.round((rows @ columns.T) * 32) / 32

    def error(self, rows: NDArray[np.float32], columns: NDArray[np.float32]) -> tuple[float, float]:
        return 1 / 32, 1 / 32


def test_many_blocks_equal_one_matrix_and_do_not_depend_on_the_filter() -> None:
    rng = np.random.default_rng(5)
    x = rng.standard_normal((1500, 24)).astype(np.float32)
    y = (x[rng.integers(0, 1500, 1300)] + 0.5 * rng.standard_normal((1300, 24))).astype(np.float32)
    x64, y64 = x.astype(np.float64), y.astype(np.float64)
    cosine = (x64 @ y64.T / np.linalg.norm(x64, axis=1)[:, None] / np.linalg.norm(y64, axis=1)).astype(np.float32)
    for k, rows, columns, similarity in (
        (4, 1024, 4096, None),
        (3, 100, 640, None),
        (40, 333, 600, None),
        (4, 500, 900, Coarse()),
    ):
        found = two_way_knn(x, y, k=k, row_block=rows, column_block=columns, similarity=similarity, threads=2)
        for side, matrix in ((found.forward, cosine), (found.backward, cosine.T)):
            wanted = np.argsort(-matrix, axis=1, kind="stable")[:, :k]
            assert (side.ids == wanted).all()
            np.testing.assert_allclose(side.cosines, np.take_along_axis(matrix, wanted, 1), rtol=1e-6)


def test_thousands_of_equal_vectors_take_part_k_times() -> None:
    x = np.ones((3000, 3), np.float32)
    y = np.concatenate([np.ones((2000, 3)), np.eye(3)]).astype(np.float32)
    found = two_way_knn(x, y, k=2, row_block=64, column_block=64)
    assert (found.forward.ids == [0, 1]).all()
    assert (found.forward.cosines == 1.0).all()
    assert (found.backward.ids == [0, 1]).all()
    assert found.backward.ids.shape == (2003, 2)


class Generated:
    """A set of vectors that never exists as a whole, and remembers how much of it was asked for at once."""

    rows, dim, largest = 8_000, 2, 0

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        self.largest = max(self.largest, stop - start)
        angle = np.arange(start, stop, dtype=np.float64) / 3000
        return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


def test_reads_no_more_than_blocks() -> None:
    x, y = Generated(), Generated()
    found = two_way_knn(x, y, k=1, row_block=900, column_block=1000)
    assert max(x.largest, y.largest) <= 4096
    assert (np.abs(found.forward.cosines - 1) < 1e-6).all()


def test_half_precision_and_double_are_taken_as_float32() -> None:
    x = np.random.default_rng(0).standard_normal((30, 8)).astype(np.float16)
    half, single = two_way_knn(x, x, k=3), two_way_knn(x.astype(np.float32), x.astype(np.float64), k=3)
    assert (half.forward.cosines == single.forward.cosines).all()
    assert (half.forward.ids[:, 0] == np.arange(30)).all()


@pytest.mark.parametrize(
    ("x", "y", "options", "error", "words"),
    [
        (np.eye(3), np.eye(4), {}, MismatchError, "3 and of 4 dimensions"),
        (np.zeros((2, 3)), np.eye(3), {}, VectorsError, r"vector 1 \(id '0'\) has length 0"),
        (np.eye(3), np.diag([1, np.nan, 1]), {}, VectorsError, "vector 2 .* holds NaN"),
        (np.eye(3), np.diag([1, 1, np.inf]), {}, VectorsError, "vector 3 .* infinity"),
        (np.zeros((0, 3)), np.eye(3), {}, VectorsError, "0 rows"),
        (np.ones(3), np.eye(3), {}, VectorsError, "shape"),
        (np.eye(3), [[1, 2, 3], [1, 2]], {}, VectorsError, "lists that are no"),
        (np.eye(3), [["a", "b", "c"]], {}, VectorsError, "lists that are no"),
        (np.eye(3), 3, {}, VectorsError, "found int, wanted an array"),
        (np.eye(3), np.eye(3), {"k": 0}, InputError, "k = 0"),
        (np.eye(3), np.eye(3), {"row_block": 0}, InputError, "row_block = 0"),
    ],
)
def test_refuses(x: Array, y: Array, options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        two_way_knn(x, y, **options)


def test_nested_lists_are_arrays() -> None:
    found = two_way_knn([[1, 0], [3, 3]], [[0, 2], [5, 0]], k=1)
    assert found.forward.ids.tolist() == [[1], [0]]


def test_threads_are_capped_and_told_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    with caplog.at_level(logging.WARNING, "xret"):
        assert [worker_count(threads) for threads in (0, 1, 12, 1003, 1003)] == [1, 1, 12, 12, 12]
    assert caplog.messages == ["1,003 threads are more than help on 3 cores; taking 12"]
    monkeypatch.setenv("OMP_NUM_THREADS", "1003")
    assert worker_count(None) == 12
