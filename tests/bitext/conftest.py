"""Pairs made for tests of filters and reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa
import pytest

Row = tuple[float | None, str, str]  # score, source text, target text
MakePairs = Callable[[Sequence[Row]], pa.Table]


@pytest.fixture(scope="session")
def pairs_of() -> MakePairs:
    """A pairs table of rows; ids are s0, t0, s1, t1, …"""

    def make(rows: Sequence[Row]) -> pa.Table:
        scores, src, tgt = ([row[place] for row in rows] for place in range(3))
        ids = {f"{side}_id": [f"{side[0]}{n}" for n in range(len(rows))] for side in ("src", "tgt")}
        texts = {"src_text": src, "tgt_text": tgt}
        columns = {name: pa.array(values, pa.string()) for name, values in {**ids, **texts}.items()}
        return pa.table({"score": pa.array(scores, pa.float64()), **columns})

    return make
