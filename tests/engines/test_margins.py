"""Margins and merges that an engine shares out, against those of one process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xret.stages.marginunits as marginunits
from xret.engines import LocalEngine
from xret.indexes.twoway import two_way_knn
from xret.margins import MARGINS, Margin
from xret.stages.choosing import Choice, choose
from xret.stages.extract import RETRIEVALS, Retrieval
from xret.stages.sides import Sides


def _side(name: str, rng: Any, rows: int) -> pa.Table:
    """Some lines stand twice, some on both sides."""
    numbers = rng.integers(0, 2 * rows, rows)
    texts = [f"line {number}" if number % 3 else f"{name} {number}" for number in numbers.tolist()]
    return pa.table({"id": [f"{name}{row}" for row in range(rows)], "text": texts})


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.tuples(st.integers(1, 60), st.integers(1, 60)), k=st.integers(1, 5), margin=st.sampled_from(list(MARGINS)),
    retrieval=st.sampled_from(RETRIEVALS), threshold=st.none() | st.floats(-0.5, 1.5), data=st.data(),
)  # fmt: skip
def test_margins_in_units_of_any_size(
    rows: tuple[int, int], k: int, margin: Margin, retrieval: Retrieval, threshold: float | None, data: st.DataObject,
    tmp_path: Path,
) -> None:  # fmt: skip
    rng = np.random.default_rng(rows[0] * 64 + rows[1])
    corpora = _side("s", rng, rows[0]), _side("t", rng, rows[1])
    sides = Sides.of(*corpora, keep_copies=data.draw(st.booleans()))
    x, y = (rng.integers(1, 5, (len(side.first), 3)).astype(np.float32) for side in (sides.src, sides.tgt))
    found = two_way_knn(x, y, k=k + sides.extra, threads=1)
    best = 1 if retrieval == "all" else data.draw(st.integers(1, k))
    choice = Choice(k=k, margin=margin, retrieval=retrieval, best=best, threshold=threshold)
    options: dict[str, Any] = {}
    if data.draw(st.booleans()):
        options["tokens"] = lambda src, tgt: (np.cos(src * 7.0) + np.sin(tgt * 3.0)).astype(np.float32)
    if data.draw(st.booleans()):
        options["tgt_means"] = np.where(rng.random(len(y)) < 0.5, np.nan, rng.random(len(y)))
    marginunits.LEAST, before = data.draw(st.integers(1, 30)), marginunits.LEAST
    engine = LocalEngine(1)
    try:
        shared = choose(found, sides, corpora, choice, engine=engine, work=tmp_path, **options)
    finally:
        marginunits.LEAST = before
    assert shared.equals(choose(found, sides, corpora, choice, **options))
    assert engine.executed >= 4
    assert not list(tmp_path.iterdir())
