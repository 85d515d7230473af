"""A top of the list that looks wrong is said to, one that does not is let be."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tests.bitext.conftest import MakePairs
from xret.bitext.filters import doubts, hub_doubts, hubs

SIZE = 400


@pytest.fixture
def healthy(pairs_of: MakePairs) -> pa.Table:
    """Scores, cosines and means as mining gives them."""
    draw = np.random.default_rng(0)
    score = np.sort(draw.normal(1.2, 0.15, SIZE))[::-1]
    means = draw.uniform(0.4, 0.5, (2, SIZE))
    pairs = pairs_of([(float(value), f"Satz Nummer {n}", f"sentence number {n}") for n, value in enumerate(score)])
    for name, column in (("cosine", score * means.mean(axis=0)), ("src_mean", means[0]), ("tgt_mean", means[1])):
        pairs = pairs.append_column(name, pa.array(column, pa.float32()))
    return pairs


def changed(pairs: pa.Table, name: str, rows: slice, value: object) -> pa.Table:
    values = pairs[name].to_pylist()
    values[rows] = [value] * len(values[rows])
    place = pairs.column_names.index(name)
    return pairs.set_column(place, name, pa.array(values, pairs[name].type))


@pytest.mark.parametrize(
    ("name", "rows", "value", "message"),
    [
        ("cosine", slice(0, 40), 0.2, "the 40 best pairs have a cosine of 0.20"),
        ("score", slice(0, 1), 2.8, "1 pair scores above"),
        ("score", slice(0, 3), 2.8, "3 pairs score above"),
        ("tgt_text", slice(0, 9), "42", "9 of the 40 best pairs are without a letter"),
        ("tgt_text", slice(5, 300, 5), "OK", "tgt: 'OK' stands in 59 pairs and is a hub"),
    ],
)
def test_what_is_wrong_is_named(healthy: pa.Table, name: str, rows: slice, value: object, message: str) -> None:
    assert doubts(healthy) == ()
    assert doubts(healthy.select(healthy.column_names[:5])) == ()
    (said,) = doubts(changed(healthy, name, rows, value))
    assert said.startswith(message)


def test_small_means_and_copies(healthy: pa.Table) -> None:
    small = changed(changed(healthy, "src_mean", slice(10, 20), -0.2), "tgt_mean", slice(10, 20), 0.1)
    (said,) = doubts(small)
    assert said.startswith("10 of the 40 best pairs have neighbours at a mean cosine below 0.05 (lowest -0.050)")
    texts = healthy["src_text"].to_pylist()[:15] + healthy["tgt_text"].to_pylist()[15:]
    place = healthy.column_names.index("tgt_text")
    (said,) = doubts(healthy.set_column(place, "tgt_text", pa.array(texts)))
    assert said.startswith("15 of the 40 best pairs are untranslated copies")


def test_of_little_or_unscored_nothing_is_said(healthy: pa.Table) -> None:
    bad = changed(healthy, "tgt_text", slice(0, SIZE), "42")
    assert doubts(bad) and doubts(bad.slice(0, 49)) == ()
    assert doubts(changed(bad, "score", slice(3, 4), None)) == () == doubts(bad.drop_columns(["score"]))


def test_hubs() -> None:
    draw = np.random.default_rng(1)
    ids = draw.integers(0, 500, (1000, 4))
    even = hubs(ids, 500)
    assert even.counts.sum() == 4000 and abs(even.skewness) < 1
    ids[:300, 0], ids[300:, 3] = 7, -1
    found = hubs(ids, 500, most=2)
    assert found.rows[0] == 7 and found.skewness > 10 and len(found.rows) == 2
    assert found.counts[7] == (ids == 7).sum() and found.counts.sum() == (ids >= 0).sum()
    texts = pa.chunked_array([[f"line {n}" for n in range(500)]])
    assert hub_doubts(even, texts, 1000) == ()
    (said,) = hub_doubts(found, texts, 1000)
    assert said.startswith(f"'line 7' is a neighbour of {found.counts[7]} of 1,000 sentences")
    assert hubs(np.empty((0, 4), int), 0).skewness == 0
