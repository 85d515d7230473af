"""Tests, intervals and corrections against scipy, and by their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.errors import UsageError
from xret.eval.measures import parse_measure
from xret.eval.scores import RunScores
from xret.eval.statistics import (
    benjamini_hochberg,
    bootstrap,
    bootstrap_means,
    clusters_of,
    compare_runs,
    corrected,
    detectable,
    holm,
    interval,
    randomisation_test,
)

Floats = npt.NDArray[np.float64]
numbers = st.lists(st.sampled_from([-0.5, -0.25, 0.0, 0.125, 0.3, 1.0]), min_size=2, max_size=9)


@settings(max_examples=40, deadline=None)
@given(numbers)
def test_every_assignment_of_signs_is_scipys_exact_test(values: list[float]) -> None:
    found = randomisation_test(np.array(values)[:, None], resamples=512)
    wanted = scipy.stats.permutation_test(
        (np.array(values), np.zeros(len(values))), lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples", vectorized=True, n_resamples=np.inf,
    )  # fmt: skip
    assert (found.exact, found.tried) == (True, 2 ** len(values))
    assert found.p[0] == pytest.approx(wanted.pvalue)


def test_drawn_signs_come_near_the_exact_test_and_repeat_with_the_seed() -> None:
    values = np.random.default_rng(1).normal(0.2, 0.5, (12, 3))
    exact, drawn = randomisation_test(values), randomisation_test(values, resamples=4000, seed=5)
    assert exact.exact and not drawn.exact
    assert np.abs(exact.p - drawn.p).max() < 0.04
    assert np.array_equal(drawn.p, randomisation_test(values, resamples=4000, seed=5).p)
    assert not np.array_equal(drawn.p, randomisation_test(values, resamples=4000, seed=6).p)
    assert randomisation_test(np.ones((60, 1)), resamples=999).p.tolist() == [0.001], "the one seen counts: never 0"


def test_signs_of_a_topic_change_together() -> None:
    values = np.array([0.3, -0.1, 0.2, 0.4, -0.2, 0.1])
    topics = clusters_of(["a", "a", "b", "c", "c", None])
    sums = np.array([0.2, 0.2, 0.2, 0.1])
    assert randomisation_test(values[:, None], clusters=topics).p == randomisation_test(sums[:, None]).p


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_intervals_are_scipys_on_the_same_draws(method: Any) -> None:
    values = np.random.default_rng(2).beta(1, 3, 40)
    wanted = scipy.stats.bootstrap((values,), np.mean, method=method, n_resamples=2000, rng=np.random.default_rng(0))
    without = (values.sum() - values) / 39
    low, high = interval(
        wanted.bootstrap_distribution[:, None], values.mean(keepdims=True), method=method, without_each=without[:, None]
    )
    assert (low[0], high[0]) == pytest.approx(tuple(wanted.confidence_interval))
    ours = bootstrap(values[:, None], method=method)
    assert [end[0] for end in ours] == pytest.approx(list(wanted.confidence_interval), abs=0.01)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    values = rng.beta(2, 3, (60, 400))  # 400 experiments of 60 queries, true mean 0.4
    for method in ("percentile", "bca"):
        low, high = bootstrap(values, method=method, resamples=1000)
        assert 0.91 < ((low <= 0.4) & (high >= 0.4)).mean() < 0.98


def test_topics_are_drawn_whole() -> None:
    values = np.array([[1.0], [1.0], [0.0], [0.5]])
    topics = clusters_of(["a", "a", "b", "b"])
    drawn = set(np.round(bootstrap_means(values, clusters=topics, resamples=200)[:, 0], 6).tolist())
    assert drawn == {1.0, 0.625, 0.25}
    copied = np.tile(values, (30, 1))
    wide = np.ptp(np.array(bootstrap(copied, clusters=clusters_of([0, 1, 2, 3] * 30))))
    assert wide == np.ptp(np.array(bootstrap(values))) > 3 * np.ptp(np.array(bootstrap(copied)))
    same = bootstrap(np.full((5, 1), 0.5), method="bca")
    assert (same[0][0], same[1][0]) == (0.5, 0.5), "nothing varies"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_corrections(values: list[float]) -> None:
    p = np.array(values)
    assert benjamini_hochberg(p) == pytest.approx(scipy.stats.false_discovery_control(p))
    for level in (0.01, 0.05, 0.3):  # Holm: the k-th smallest is rejected while p <= level / (m - k + 1)
        rejected, order = np.zeros(len(p), bool), np.argsort(p, kind="stable")
        for place, row in enumerate(order):
            if p[row] * (len(p) - place) > level:
                break
            rejected[row] = True
        assert np.array_equal(holm(p) <= level, rejected)
    assert np.array_equal(corrected(p, "none"), p)


def test_worked_correction() -> None:
    """By hand: 4 x .01, 3 x .02, 2 x .03 (not below 3 x .02) and .5."""
    p = np.array([0.03, 0.01, 0.5, 0.02])
    assert holm(p).tolist() == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert benjamini_hochberg(p).tolist() == pytest.approx([0.04, 0.04, 0.5, 0.04])


def test_detectable_effect_is_found_with_its_power() -> None:
    values = np.random.default_rng(4).normal(0, 0.5, (50, 1))
    least = detectable(values)[0]
    assert least == pytest.approx((1.959964 + 0.841621) * values.std(ddof=1) / 50**0.5, rel=1e-6)
    spread = values.std(ddof=1)
    trials = np.random.default_rng(5).normal(least, spread, (50, 2000))
    t = trials.mean(axis=0) / (trials.std(axis=0, ddof=1) / 50**0.5)
    assert 0.76 < (np.abs(t) > 1.96).mean() < 0.84
    copies = detectable(np.repeat(values, 4, axis=0), clusters=clusters_of([row // 4 for row in range(200)]))
    assert copies[0] == pytest.approx(least), "four copies of every query are no more queries"
    assert np.isnan(detectable(values[:1])[0])


def scored(values: Floats) -> RunScores:
    qids = pa.array([f"q{row}" for row in range(len(values))])
    return RunScores((parse_measure("AP"), parse_measure("RR")), qids, values)


def test_all_comparisons_are_counted() -> None:
    rng = np.random.default_rng(6)
    base = rng.uniform(size=(40, 2))
    runs = {
        "a": scored(base),
        "b": scored(base + rng.normal(0.2, 0.1, (40, 2))),
        "c": scored(base + rng.normal(0, 0.1, (40, 2))),
    }
    found = compare_runs(runs, resamples=2000, seed=9)
    assert (found.comparisons, found.differences.num_rows, found.intervals.num_rows) == (6, 6, 6)
    rows = {(row["system"], row["baseline"], row["measure"]): row for row in found.differences.to_pylist()}
    better = rows["b", "a", "AP"]
    assert better["corrected"] == pytest.approx(6 * better["p"]) and better["low"] > 0.15
    assert rows["c", "a", "RR"]["corrected"] > 0.05
    assert holm(found.differences["p"].to_numpy()) == pytest.approx(found.differences["corrected"].to_numpy())
    assert "seed: 9" in found.definition() and "Holm over 6 comparisons" in found.definition()
    lang = {f"q{row}": "de" if row % 2 else "fr" for row in range(40)}
    topics = {f"q{row}": str(row // 2) for row in range(40)}
    split = compare_runs(runs, baseline="a", languages=lang, topics=(topics, "by hand"), correction="bh", resamples=500)
    assert split.comparisons == 2 * 2 * 3 and split.topics == (20, "by hand")
    assert "20 topics (by hand)" in split.definition()
    assert set(split.differences["baseline"].to_pylist()) == {"a"}
    alone = compare_runs({"a": runs["a"]}, resamples=500)
    assert alone.comparisons == 0 and alone.intervals.num_rows == 2
    assert alone.to_json()["differences"] == []


def test_languages_that_weigh_the_same() -> None:
    """By drawing within each language, and by changing signs of the difference of macro means."""
    rng = np.random.default_rng(7)
    sizes, langs = (12, 60, 200), ("sw", "te", "th")
    lang = np.repeat(langs, sizes)
    values = np.concatenate(
        [rng.beta(*shape, (n, 2)) for shape, n in zip(((8, 1), (2, 2), (1, 8)), sizes, strict=True)]
    )
    runs = {"a": scored(values), "b": scored(np.clip(values + rng.normal(0.02, 0.1, values.shape), 0, 1))}
    macro = {f"q{row}": str(name) for row, name in enumerate(lang)}
    found = compare_runs(runs, macro=macro, resamples=4000, seed=1)
    assert found.macro == 3 and "means: over 3 languages" in found.definition()
    apart = runs["b"].values[:, 0] - values[:, 0]
    for one, row in ((values[:, 0], found.intervals.to_pylist()[0]), (apart, found.differences.to_pylist()[0])):
        parts = [one[lang == name] for name in langs]
        drawn = np.mean([rng.choice(part, (4000, len(part))).mean(axis=1) for part in parts], axis=0)
        assert row.get("mean", row.get("difference")) == pytest.approx(np.mean([part.mean() for part in parts]))
        assert (row["low"], row["high"]) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.006)
    signs = [rng.choice([-1, 1], (4000, len(part))) * part for part in parts]
    turned = np.abs(np.mean([each.mean(axis=1) for each in signs], axis=0))
    assert row["p"] == pytest.approx((turned >= abs(row["difference"])).mean(), abs=0.04)
    plain = compare_runs(runs, macro=dict.fromkeys(macro, "one"), resamples=500).intervals.to_pylist()
    wanted = compare_runs(runs, resamples=500).intervals.to_pylist()
    assert [row["low"] for row in plain] == pytest.approx([row["low"] for row in wanted])


def test_refused() -> None:
    runs = {"a": scored(np.zeros((3, 2))), "b": scored(np.zeros((4, 2)))}
    with pytest.raises(UsageError, match="b: was scored on other queries"):
        compare_runs(runs)
    with pytest.raises(UsageError, match="baseline 'x' is not among the runs: a, b"):
        compare_runs(runs, baseline="x")
    with pytest.raises(UsageError, match="resamples is 0"):
        randomisation_test(np.zeros((3, 1)), resamples=0)
    with pytest.raises(UsageError, match="confidence is 95"):
        interval(np.zeros((3, 1)), np.zeros(1), confidence=95)
    with pytest.raises(UsageError, match="power is 80"):
        detectable(np.zeros((3, 1)), power=80)
