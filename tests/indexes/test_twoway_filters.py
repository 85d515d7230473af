"""Whatever finds the candidates, bytes or a device, the neighbours are those of float32, bit by bit."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from xret.errors import DeviceError, UsageError
from xret.indexes.twoway import Float32Similarity, TwoWay, open_search, two_way_knn
from xret.indexes.twoway.blockpass import BlockPass
from xret.indexes.twoway.filters import arithmetic, blocks
from xret.indexes.twoway.filters.arithmetic import byte_unit, choose_similarity
from xret.indexes.twoway.filters.blocks import BlockFilter
from xret.indexes.twoway.filters.device import DeviceFilter, search_device
from xret.indexes.twoway.filters.int8 import Int8Similarity
from xret.indexes.twoway.filters.similarity import pair_cosines

Floats = NDArray[np.float32]
KINDS = ("crowded", "outlier", "lengths", "heaps")


def sides(kind: str) -> tuple[Floats, Floats]:
    """Vectors that are hard on low precision, each in a way of its own."""
    rng = np.random.default_rng(KINDS.index(kind))
    x = rng.standard_normal((1300, 96)).astype(np.float32) + rng.standard_normal((10, 96))[rng.integers(0, 10, 1300)]
    y = x[rng.permutation(1300)[:1100]] + 0.3 * rng.standard_normal((1100, 96))
    if kind == "outlier":  # dimensions a hundred times as large as others, as encoders have them
        x[:, 7] *= 100
        y[:, 7] *= 100
    if kind == "lengths":
        x *= 10.0 ** rng.integers(-12, 12, 1300)[:, None]
    if kind == "heaps":  # differences below the steps of any filter, and exact repetitions
        x[:600] = x[0] + 1e-4 * rng.standard_normal((600, 96))
        x[600:700] = x[:100]
        y[:500] = x[0] + 1e-4 * rng.standard_normal((500, 96))
    return x.astype(np.float32), y.astype(np.float32)


def one_way(mean: float, rows: int = 2000, dim: int = 96) -> tuple[Floats, Floats]:
    """Unit vectors whose cosines are `mean` on the average."""
    rng = np.random.default_rng(3)
    signal, common = rng.standard_normal((rows, dim)), rng.standard_normal(dim)
    both = [signal + rng.standard_normal((rows, dim)) for _ in range(2)]
    parts = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in both]
    x, y = (np.sqrt(mean) * common / np.linalg.norm(common) + np.sqrt(1 - mean) * part for part in parts)
    return x.astype(np.float32), y.astype(np.float32)


def needless(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The shares of needless pairs, of every meeting and direction from now on."""
    shares: list[float] = []
    learn = BlockFilter.learn

    def noted(self: BlockFilter, pairs: int, needless: int) -> None:
        shares.append(needless / pairs)
        learn(self, pairs, needless)

    monkeypatch.setattr(BlockFilter, "learn", noted)
    return shares


def assert_same(found: TwoWay, wanted: TwoWay) -> None:
    for a, b in ((found.forward, wanted.forward), (found.backward, wanted.backward)):
        assert (a.ids == b.ids).all()
        assert (a.cosines == b.cosines).all()


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_find_what_float32_finds(kind: str) -> None:
    x, y = sides(kind)
    for k, sizes, threads in ((4, (256, 4096), 1), (1, (100, 700), 2), (30, (1024, 512), 1)):
        wanted = two_way_knn(x, y, k=k, similarity=Float32Similarity())
        row_block, column_block = sizes
        found = two_way_knn(
            x, y, k=k, similarity=Int8Similarity(), row_block=row_block, column_block=column_block, threads=threads
        )
        assert_same(found, wanted)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("half", [True, False])
def test_a_device_finds_what_float32_finds(kind: str, half: bool) -> None:
    x, y = sides(kind)
    wanted = two_way_knn(x, y, k=3, similarity=Float32Similarity())
    search = open_search(x, y, k=3, row_block=500, column_block=700, threads=1, similarity=Float32Similarity())
    object.__setattr__(search, "filter", DeviceFilter("cpu", 3, half=half))
    assert_same(search.finished(*search.lists(0, search.x.rows.rows)), wanted)


@pytest.mark.parametrize("mean", [0.5, 0.99])
def test_vectors_that_point_mostly_one_way_are_told_apart_by_bytes(
    mean: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = one_way(mean)
    similarity = Int8Similarity()
    similarity.fit(np.concatenate([x[:300], y[:300]]))
    shares = needless(monkeypatch)
    found = two_way_knn(x, y, similarity=similarity, row_block=256, column_block=1024, threads=2)
    assert np.mean(shares) < 0.02
    assert_same(found, two_way_knn(x, y, similarity=Float32Similarity()))


def test_where_bytes_tell_nothing_apart_the_search_goes_on_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = one_way(0.99)
    shares = needless(monkeypatch)
    monkeypatch.setattr(blocks, "_JUDGED", 1 << 20)
    search = open_search(x, y, k=4, similarity=Int8Similarity(), row_block=256, column_block=1024, threads=1)
    assert search.filter.name == "int8"
    found = search.finished(*search.lists(0, 2000))
    assert search.filter.name == "float32"
    assert shares[0] > 0.2
    assert len(shares) < 16  # of 32 directions of meetings
    assert_same(found, two_way_knn(x, y, similarity=Float32Similarity()))


@pytest.mark.parametrize("kind", ["outlier", "one way", "one long"])
def test_the_error_of_bytes_is_bounded(kind: str) -> None:
    x, y = sides("outlier") if kind == "outlier" else one_way(0.8)
    x, y = x[:1300], y[:1100]
    similarity, cosines = Int8Similarity(), np.empty((1300, 1100), np.float32)
    if kind != "outlier":
        similarity.fit(x)
    if kind == "one long":  # farther from the middle than the digits and steps of the sample reach
        x[5] *= -1
    a, b = (similarity.prepare(each, np.linalg.norm(each.astype(np.float64), axis=1)) for each in (x, y))
    similarity.product(a, b, cosines)
    row, column = np.divmod(np.arange(cosines.size), 1100)
    off = np.abs(cosines.ravel() - pair_cosines(x, y, row, column)).reshape(cosines.shape)
    by_row, by_column = similarity.error(a, b)
    assert (off <= by_row[:, None]).all()  # type: ignore[index]
    assert (off <= by_column[None, :]).all()  # type: ignore[index]
    assert (
        kind == "one long" or 0.01 < off.max() / np.max(by_row) < 0.9
    )  # neither loose by orders of magnitude nor near to failing
    assert similarity.sound()


def test_bytes_where_the_processor_has_a_unit_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(rows: int, dim: int = 384) -> str:
        return choose_similarity(rows, rows, dim).name

    monkeypatch.setattr(arithmetic, "byte_unit", lambda: "AMX")
    assert [chosen(1000), chosen(100_000), chosen(100_000, dim=32)] == ["float32", "int8", "float32"]
    x, y = one_way(0.9)
    monkeypatch.setattr(arithmetic, "_PAIRS", 10**6)
    shares = needless(monkeypatch)
    two_way_knn(x, y)
    assert 0 < np.mean(shares) < 0.03  # fitted to a sample of these very vectors
    monkeypatch.setattr(arithmetic, "_PAIRS", 50_000_000)
    monkeypatch.setattr(Int8Similarity, "sound", lambda self: False)
    assert chosen(100_000) == "float32"
    monkeypatch.setattr(arithmetic, "byte_unit", lambda: None)
    assert chosen(100_000) == "float32"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/cpuinfo")
@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("processor : 0\nflags\t\t: fpu sse avx2 avx512f\n", None),
        ("processor : 0\nflags\t\t: fpu avx2 avx_vnni\n", "AVX-VNNI"),
        ("processor : 0\nflags\t\t: avx512_vnni amx_int8\n", "AMX"),
        ("processor : 0\nFeatures\t: fp asimd asimddp\n", "Arm dot product"),
        ("", None),
    ],
)
def test_the_unit_is_read_from_the_processor(text: str, unit: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    byte_unit.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", lambda self, **_: text)
        assert byte_unit() == unit
    byte_unit.cache_clear()


def test_a_device_that_is_not_there_is_refused() -> None:
    assert [search_device("cpu", 10**12), search_device("auto", 10**6)] == ["cpu", "cpu"]
    with pytest.raises(DeviceError, match="device cuda:77 cannot be used: "):
        two_way_knn(np.eye(3), np.eye(3), device="cuda:77")
    with pytest.raises(UsageError, match="device 'tpu' is not known"):
        two_way_knn(np.eye(3), np.eye(3), device="tpu")


def test_a_failing_thread_is_an_error_and_not_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(BlockPass, "_compare", fail)
    with pytest.raises(MemoryError):
        two_way_knn(np.eye(3), np.eye(3), threads=2)
