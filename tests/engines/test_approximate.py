"""Approximate searches that an engine shares out, against those of one process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import xret.indexes.twoway.approximate.spread as spread
from xret.engines import LocalEngine
from xret.indexes.twoway.approximate import approximate_knn

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.mark.parametrize(("factory", "workers"), [("IVF32,Flat", 2), ("IVF4,PQ4", 1), ("HNSW16", 1)])
def test_neighbours_are_those_of_one_process(
    factory: str, workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spread, "SPAN", 8192)
    monkeypatch.setattr(spread, "COLUMNS", 2000)
    monkeypatch.setattr("xret.indexes.twoway.approximate.coded.QUERIES", 4096)
    monkeypatch.setattr(spread, "QUERIES", 4096)
    monkeypatch.setattr("xret.indexes.twoway.approximate.knn.SAMPLE", 50)
    rng = np.random.default_rng(3)
    x, y = (rng.integers(-3, 4, (rows, 16)).astype(np.float32) + 0.5 for rows in (9000, 6000))
    y[:500] = x[:500]
    y[500:520] = y[500]  # ties, and rows set aside
    options = {"k": 3, "factory": factory, "seed": 1, "threads": 1}
    whole = approximate_knn(x, y, **options)  # type: ignore[arg-type]
    engine = LocalEngine(workers)
    found = approximate_knn(x, y, engine=engine, work=tmp_path, **options)  # type: ignore[arg-type]
    done, lists = engine.executed, factory == "IVF32,Flat"
    assert done >= (2 + 1 + 2 * 3 + 2 + 3 if lists else 3 + 2)
    assert (found.factories, found.recall) == (whole.factories, whole.recall)
    for side in ("forward", "backward"):
        one, other = getattr(found.neighbours, side), getattr(whole.neighbours, side)
        assert np.array_equal(one.ids, other.ids) and np.array_equal(one.cosines, other.cosines)
    again = LocalEngine(1)
    approximate_knn(x, y, engine=again, work=tmp_path, **options)  # type: ignore[arg-type]
    assert again.executed == 0
