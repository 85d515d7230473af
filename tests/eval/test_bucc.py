"""Parting pairs into dev and test, the interval of F1, and scores of probabilities."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from xret.errors import EvalError, MismatchError, UsageError
from xret.eval.bitext import bitext_scores
from xret.eval.bucc import dev_part, f1_interval, gold_labels, without_repeated
from xret.eval.probabilities import probability_scores


def test_an_id_goes_to_the_same_part_whatever_stands_beside_it() -> None:
    ids = [f"s{row}" for row in range(4000)]
    column = pa.chunked_array([ids[:100], ids[100:]])
    part = dev_part(column)
    assert part.tolist() == dev_part(pa.chunked_array([ids[::-1]]))[::-1].tolist()
    assert dev_part(pa.chunked_array([["s7", "s3", "s7"]])).tolist() == part[[7, 3, 7]].tolist()
    assert part.mean() == pytest.approx(0.5, abs=0.03)
    assert dev_part(column, share=0.2).mean() == pytest.approx(0.2, abs=0.03)
    assert (part[dev_part(column, share=0.2)]).all()  # a smaller dev is part of a larger one
    assert (dev_part(column, seed=1) != part).mean() == pytest.approx(0.5, abs=0.04)
    with pytest.raises(UsageError, match="dev share = 1"):
        dev_part(column, share=1)


def test_labels_and_repeated_sentences() -> None:
    pairs = pa.table({"score": [3.0, 2, 1], "src_id": ["a", "a", "b"], "tgt_id": ["x", "y", "y"]})
    gold = pa.table({"src_id": ["b", "a"], "tgt_id": ["y", "x"]})
    assert gold_labels(pairs, gold).tolist() == [True, False, True]
    src = pa.table({"id": ["a", "b", "c"], "text": ["one", "two", " two "]})
    tgt = pa.table({"id": ["x", "y"], "text": ["eins", "zwei"]})
    assert without_repeated(pairs, src, tgt)["src_id"].to_pylist() == ["a", "a"]
    assert without_repeated(pairs, src.slice(0, 2), tgt).equals(pairs)


def test_the_interval_is_that_of_resampled_sources() -> None:
    rng = np.random.default_rng(5)
    n = 300
    right, wanted, taken = rng.random(n) < 0.7, rng.random(n) < 0.8, rng.random(n) < 0.9
    pairs = pa.table({
        "score": np.where(taken, 2.0, 0.0),
        "src_id": [f"s{row}" for row in range(n)],
        "tgt_id": [f"t{row}" if right[row] else "none" for row in range(n)],
    })  # fmt: skip
    rows = np.flatnonzero(wanted)
    gold = pa.table({"src_id": [f"s{row}" for row in rows], "tgt_id": [f"t{row}" for row in rows]})
    f1 = []
    for _ in range(3000):
        drawn = rng.integers(0, n, n)
        f1.append(2 * (right & taken & wanted)[drawn].sum() / (taken[drawn].sum() + wanted[drawn].sum()))
    low, high = f1_interval(pairs, gold, threshold=1.0)
    assert (low, high) == pytest.approx(np.quantile(f1, [0.025, 0.975]), abs=0.008)
    assert low < bitext_scores(pairs, gold, threshold=1.0).f1 < high
    assert f1_interval(pairs, gold, threshold=1.0) == (low, high)
    with pytest.raises(EvalError, match="gold has no pairs"):
        f1_interval(pairs, gold.slice(0, 0))


def test_probabilities_are_scored_by_their_definitions() -> None:
    rng = np.random.default_rng(6)
    p = rng.random(5000)
    right = rng.random(5000) < p
    found = probability_scores(p, right)
    assert found.brier == pytest.approx(np.mean((p - right) ** 2))
    assert found.log_loss == pytest.approx(-np.mean(np.log(np.where(right, p, 1 - p))))
    assert found.calibration_error < 0.02 < probability_scores(p**2, right).calibration_error
    assert found.base == pytest.approx(right.var())
    assert np.isfinite(probability_scores([0.0, 1.0], [True, False]).log_loss)
    with pytest.raises(MismatchError, match="as many probabilities as answers"):
        probability_scores(p, right[1:])
