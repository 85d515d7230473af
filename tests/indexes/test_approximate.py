"""Approximate neighbours: exact cosines in exact order, the recall that is told, and the exact result at full depth."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from numpy.typing import NDArray

from xret.errors import InputError, UsageError
from xret.indexes.twoway import Float32Similarity, pair_cosines, two_way_knn
from xret.indexes.twoway.approximate import approximate_knn, check_search, coded, knn, parse_search
from xret.indexes.twoway.filters import arithmetic
from xret.indexes.twoway.plan import private_memory

Floats = NDArray[np.float32]
CODES = ("IVF48,Flat", "IVF48,RaBitQ", "IVF48,PQ8", "IVF48,SQ8", "HNSW16")


@pytest.fixture(scope="module")
def sides() -> tuple[Floats, Floats]:
    """Topics with sentences and their noisy translations; some rows repeat, and are of any length."""
    rng = np.random.default_rng(3)
    centres = rng.standard_normal((60, 32))
    signal = centres[rng.integers(0, 60, 4000)] + 0.6 * rng.standard_normal((4000, 32))
    x, y = (signal[:size] + 0.3 * rng.standard_normal((size, 32)) for size in (4000, 3000))
    x[100:140] = x[:40]
    x *= rng.uniform(0.1, 10, (4000, 1))
    return x.astype(np.float32), y.astype(np.float32)


@pytest.mark.parametrize("factory", CODES)
def test_cosines_are_exact_and_the_recall_is_the_one_told(
    factory: str, sides: tuple[Floats, Floats], caplog: pytest.LogCaptureFixture
) -> None:
    x, y = sides
    with caplog.at_level(logging.WARNING, "xret"):
        found = approximate_knn(x, y, factory=factory, threads=1)
    exact = two_way_knn(x, y, threads=1)
    recalls = []
    for near, true, own, other in (
        (found.neighbours.forward, exact.forward, x, y),
        (found.neighbours.backward, exact.backward, y, x),
    ):
        rows = np.repeat(np.arange(len(own)), 4)
        assert (near.cosines.ravel() == pair_cosines(own, other, rows, near.ids.ravel())).all()
        better = np.lexsort((near.ids, -near.cosines), axis=1)
        assert (better == np.arange(4)).all()
        assert (np.diff(np.sort(near.ids, axis=1), axis=1) > 0).all()  # nobody twice
        recalls.append((near.ids[:, :, None] == true.ids[:, None, :]).any(axis=2).mean())
    assert found.recall > 0.95
    assert abs(found.recall - np.mean(recalls)) < 0.02
    assert f"{found.factories}: finds {found.recall:.4f} of the exact 4 nearest neighbours" in caplog.text
    assert found.factories.startswith(factory)


@pytest.mark.parametrize("kind", ["float32", "int8", "int8, one way"])
def test_all_lists_give_the_exact_result(
    kind: str, sides: tuple[Floats, Floats], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knn, "WANTED", 1.1)  # never enough
    if kind != "float32":
        monkeypatch.setattr(arithmetic, "_PAIRS", 1)
        monkeypatch.setattr(arithmetic, "_DIM", 1)
        monkeypatch.setattr(arithmetic, "byte_unit", lambda: "AMX")
    x, y = (each + np.float32(10 * (kind == "int8, one way")) for each in sides)
    found = approximate_knn(x, y, factory="IVF8,Flat", k=3, threads=2)
    exact = two_way_knn(x, y, k=3, threads=1, similarity=Float32Similarity())
    assert found.recall == 1.0
    for near, true in ((found.neighbours.forward, exact.forward), (found.neighbours.backward, exact.backward)):
        assert (near.ids == true.ids).all()
        assert (near.cosines == true.cosines).all()


def test_the_same_seed_gives_the_same_neighbours(sides: tuple[Floats, Floats]) -> None:
    first, second = (approximate_knn(*sides, factory="IVF48,Flat", seed=5, threads=1) for _ in range(2))
    assert (first.neighbours.forward.ids == second.neighbours.forward.ids).all()
    assert first.recall == second.recall


def test_lists_that_are_too_short_are_filled() -> None:
    x = np.eye(60, dtype=np.float32)  # nothing is near anything: a list holds a vector or two
    found = approximate_knn(x, x, factory="IVF50,Flat", k=7, threads=1)
    assert np.isfinite(found.neighbours.forward.cosines).all()
    assert (found.neighbours.forward.ids[:, 0] == np.arange(60)).all()


def test_auto_is_exact_until_that_is_hopeless() -> None:
    assert parse_search("auto", rows=200_000, columns=300_000, dim=384, memory=8 << 30) == (None, None)
    ways = parse_search("auto", rows=10**6, columns=50_000_000, dim=384, memory=8 << 30)
    assert [way.name for way in ways if way] == ["IVF32768,RaBitQ", "IVF4096,Flat"]
    assert [way.listed for way in ways if way] == [False, True]


def test_refuses(sides: tuple[Floats, Floats]) -> None:
    with pytest.raises(InputError, match=r"'IVF3500,Flat' learns 3,500 centres .* one side has 3,000"):
        approximate_knn(*sides, factory="IVF3500,Flat")
    with pytest.raises(InputError, match="32 dimensions cannot be cut into 5 equal parts"):
        approximate_knn(*sides, factory="IVF8,PQ5")
    for text in ("IVF8,Nothing", "ivf8", "", "SQ8"):
        with pytest.raises(UsageError, match="--search"):
            check_search(text)
    for text in ("exact", "auto", "IVF65536,PQ48", "IVF8,RaBitQ", "HNSW32"):
        check_search(text)


def test_an_index_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40_000, 96)).astype(np.float32)
    memory = private_memory() + (60 << 20)
    monkeypatch.setattr(coded, "private_memory", lambda: memory - (3 << 20))
    with pytest.raises(UsageError, match=r"search 'IVF8,SQ8' takes .* for 40,000 vectors, more than the .* give more"):
        approximate_knn(x, x[:500], factory="IVF8,SQ8", memory=memory, threads=1)
