"""The maps to P(parallel) against their definitions, and the file that keeps them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.bitext.calibration import (
    Calibration,
    Isotonic,
    Logistic,
    fit_isotonic,
    fit_logistic,
    fit_map,
    margin_of,
    usual_columns,
)
from xret.bitext.calibration.isotonic import pooled
from xret.errors import EvalError, InputError, MismatchError, UsageError
from xret.margins import MARGINS, margin_scores


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.5, 5)), min_size=1, max_size=12))
def test_pooling_is_isotonic_regression(points: list[tuple[float, float]]) -> None:
    """The minimax formula: the value at i is the largest, over starts, of the least mean, over ends, around i."""
    value, weight = np.array(points).T
    n = len(points)

    def mean(first: int, last: int) -> float:
        return float(np.average(value[first : last + 1], weights=weight[first : last + 1]))

    wanted = [max(min(mean(j, k) for k in range(i, n)) for j in range(i + 1)) for i in range(n)]
    found, size = pooled(value, weight)
    assert np.repeat(found, size) == pytest.approx(wanted)
    assert (np.diff(found) > 0).all()


def test_isotonic_keeps_order_and_is_never_certain() -> None:
    scores = np.array([1.0, 1.0, 1.1, 1.2, 1.3, 1.3, 1.4, 1.5])
    labels = np.array([0.0, 0, 1, 0, 1, 1, 1, 1])
    made = fit_isotonic(scores[::-1], labels[::-1])
    assert made.scores == pytest.approx((1.0, 1.15, 1.375))
    assert made.probabilities == pytest.approx((1 / 4, 1 / 2, 5 / 6))  # 0 of 2, 1 of 2, 4 of 4
    found = made(np.array([[0.0], [1.0], [1.075], [9.0]]))
    assert found == pytest.approx([1 / 4, 1 / 4, 3 / 8, 5 / 6])


def test_logistic_finds_the_law_of_the_data_whatever_the_scale() -> None:
    rng = np.random.default_rng(3)
    columns = np.column_stack([1 + 0.1 * rng.normal(size=20000), 500 * rng.normal(size=20000)])
    p = 1 / (1 + np.exp(-(20 * columns[:, 0] - 0.004 * columns[:, 1] - 21)))
    made = fit_logistic(columns, (rng.random(20000) < p).astype(float), ("score", "other"))
    assert made.weights == pytest.approx((20, -0.004), rel=0.08)
    assert made.bias == pytest.approx(-21, rel=0.08)
    assert np.abs(made(columns) - p).max() < 0.03
    slope = columns - columns.mean(axis=0)  # at the optimum, residuals are orthogonal to the columns
    soft = fit_logistic(columns, p, ("score", "other"))
    assert np.abs(slope.T @ (soft(columns) - p) / slope.std(axis=0) / len(p)).max() < 1e-3


def test_logistic_is_drawn_in_by_the_rule_of_platt() -> None:
    """Of one score alone the map is the mean of the targets: (3 * 4/5 + 1 * 1/3) / 4."""
    made = fit_logistic(np.zeros((4, 1)), np.array([1.0, 1, 1, 0]))
    assert made(np.zeros((1, 1))) == pytest.approx([(3 * 4 / 5 + 1 / 3) / 4], abs=1e-6)


def test_logistic_stays_finite_where_labels_can_be_parted_or_columns_are_constant() -> None:
    made = fit_logistic(np.array([[1.0, 5], [1.1, 5], [1.2, 5], [1.3, 5]]), np.array([0.0, 0, 1, 1]), ("score", "five"))
    found = made(np.array([[1.0, 5], [1.3, 5], [1e6, 5], [-1e6, 5]]))
    assert made.weights[1] == 0
    assert 0 <= found[3] < found[0] < 0.5 < found[1] < found[2] <= 1


BOTH = ("score", "cosine")


def pairs(scores: Sequence[float], **columns: Sequence[float]) -> pa.Table:
    return pa.table({"score": scores, **columns})


def test_which_map_and_which_columns() -> None:
    few = pairs([1.0, 1.1, 1.2], cosine=[0.1, 0.2, 0.9])
    labels = np.array([0.0, 0, 1])
    assert fit_map(few, labels).kind == "logistic"
    assert fit_map(few, labels, method="isotonic").kind == "isotonic"
    many = pairs(np.linspace(0, 1, 1200).tolist())
    assert fit_map(many, (np.arange(1200) > 500).astype(float)).kind == "isotonic"
    assert fit_map(few, labels, columns=("score", "cosine")).columns == ("score", "cosine")
    assert usual_columns("auto", few) == ("score", "cosine")
    assert usual_columns("auto", few, many) == usual_columns("isotonic", few) == ("score",)


@pytest.mark.parametrize(
    ("message", "error", "labels", "options"),
    [
        ("only right ones among 3", EvalError, [1.0, 1, 1], {}),
        ("no right ones among 3", EvalError, [0.0, 0, 0], {}),
        ("no pairs among 0", EvalError, [], {}),
        ("for score, cosine take logistic", UsageError, [0.0, 0, 1], {"method": "isotonic", "columns": BOTH}),
        ("method 'spline' is unknown", UsageError, [0.0, 0, 1], {"method": "spline"}),
        ("without 'cosine', which the probability map reads", InputError, [0.0, 0, 1], {"columns": BOTH}),
        ("'src_id' is string, wanted numbers", InputError, [0.0, 0, 1], {"columns": ("src_id",)}),
    ],
)
def test_labels_and_columns_that_give_no_map(
    message: str, error: type[Exception], labels: list[float], options: dict[str, Any]
) -> None:
    table = pa.table({"score": [1.0, 1.1, 1.2], "src_id": ["a", "b", "c"]}).slice(0, len(labels))
    with pytest.raises(error, match=message):
        fit_map(table, np.array(labels), **options)


def test_margins_are_recognised() -> None:
    rng = np.random.default_rng(0)
    cosine, src, tgt = rng.uniform(0.3, 0.9, (3, 50))
    for margin in MARGINS:
        scores = margin_scores(cosine, src, tgt, margin)
        table = pa.table({"score": scores, "cosine": cosine, "src_mean": src, "tgt_mean": tgt})
        assert margin_of(table) == margin
        assert margin_of(table.drop_columns("src_mean")) is None
    assert margin_of(pairs([1.0, 2.0], cosine=[0.5, 0.6], src_mean=[0.1, 0.2], tgt_mean=[0.1, 0.1])) is None


@pytest.mark.parametrize(
    "made", [Isotonic((1.0, 1.1, 1.3), (0.1, 0.4, 0.9)), Logistic(("score", "cosine"), (3.0, 0.1), -4.0)]
)
def test_a_calibration_survives_its_file(made: Isotonic | Logistic, tmp_path: Path) -> None:
    kept = Calibration(made, 1.15, 0.45, "ratio", {"on": "gold", "pairs": 3})
    kept.save(tmp_path / "one.json")
    found = Calibration.load(tmp_path / "one.json")
    assert found == kept
    found.save(tmp_path / "two.json")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    table = pairs([1.2, 0.9, 1.5], cosine=[0.5, 0.6, 0.7])
    said = found.with_probability(table)
    assert said.column_names == ["score", "cosine", "probability"]
    assert said["probability"].type == pa.float32()
    assert found.with_probability(said).equals(said)
    reach = said["probability"].to_numpy() >= 0.45
    assert 0 < reach.sum() < 3
    assert found.kept(table).equals(said.filter(pa.array(reach)))
    assert found.with_probability(table.slice(0, 0)).num_rows == 0


def test_what_is_kept_is_compared_before_it_is_rounded() -> None:
    """0.1 as float32 is more than 0.1: a pair just below it must not pass, nor one at it be lost."""
    below, at = np.nextafter(0.1, 0), np.nextafter(0.3, 0)
    kept = Calibration(Isotonic((0.0, 1.0), (0.0, 1.0)), 0.5, 0.1)
    assert kept.kept(pairs([below, 0.1]))["score"].to_pylist() == [0.1]
    assert Calibration(kept.probability, 0.5, at).kept(pairs([at]))["probability"].to_pylist() == [np.float32(at)]


def test_scores_by_another_margin_are_refused() -> None:
    kept = Calibration(Isotonic((1.0,), (0.5,)), 1.1, 0.5, "ratio")
    with pytest.raises(MismatchError, match="by distance margin, the calibration is of ratio scores"):
        kept.with_probability(pairs([0.1], cosine=[0.6], src_mean=[0.5], tgt_mean=[0.5]))
    with pytest.raises(MismatchError, match="by absolute margin"):
        kept.with_probability(pairs([0.1]), margin="absolute")
    with pytest.raises(InputError, match="'score' of row 2 is empty, NaN or infinite"):
        kept.with_probability(pairs([0.1, float("nan")]))


GOOD: dict[str, Any] = {
    "kind": "calibration", "format": 1, "margin": "ratio", "threshold": 1.0, "least": 0.5, "fitted": {},
    "map": {"kind": "isotonic", "scores": [1.0], "probabilities": [0.5]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "index"}, "wanted an object of kind 'calibration', format 1"),
        ({"format": 2}, "format 1"),
        ({"margin": "cosine"}, "margin 'cosine'"),
        ({"threshold": "high"}, "threshold is 'high'; wanted a finite number"),
        ({"threshold": 10**400}, "threshold is 1000.*; wanted a finite number"),
        ({"threshold": float("nan")}, "threshold is nan; wanted a finite number"),
        ({"least": True}, "least is True; wanted a finite number"),
        ({"margin": ["ratio"]}, "margin .'ratio'"),
        ({"fitted": [1]}, "wanted objects for 'map' and 'fitted'"),
        ({"map": []}, "wanted objects for 'map' and 'fitted'"),
        ({"map": None}, "wanted objects for 'map' and 'fitted'"),
        ({"map": "isotonic"}, "wanted objects for 'map' and 'fitted'"),
        ({"map": {"kind": ["isotonic"]}}, "map of kind .'isotonic'"),
        ({"map": {"kind": "isotonic", "scores": [[1]], "probabilities": [0.1]}}, "scores is .1.; wanted a finite"),
        ({"map": {"kind": "isotonic", "scores": 1, "probabilities": [0.1]}}, "scores is 1; wanted a list of numbers"),
        *(
            ({"map": {"kind": "logistic", "columns": names, "weights": [1, 1], "bias": 0}}, "wanted a list of names")
            for names in ("ab", [1, 2], None)
        ),
        ({"least": 1.5}, "least 1.5"),
        ({"map": {"kind": "spline"}}, "map of kind 'spline'; wanted isotonic or logistic"),
        ({"map": {"kind": "isotonic", "scores": [1.0]}}, "no 'probabilities'"),
        ({"map": {"kind": "isotonic", "scores": [1.0, 0.9], "probabilities": [0.1, 0.2]}}, "wanted ascending scores"),
        ({"map": {"kind": "logistic", "columns": ["score"], "weights": [], "bias": 0}}, "as many finite weights"),
    ],
)
def test_broken_files_are_told_in_one_line(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps(GOOD | change))
    with pytest.raises(InputError, match=message) as caught:
        Calibration.load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file; wanted a calibration, which 'xret tune PAIRS -o FILE' writes"):
        Calibration.load(tmp_path / "none.json")
    (tmp_path / "c.json").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not JSON in UTF-8"):
        Calibration.load(tmp_path / "c.json")
    (tmp_path / "c.json").write_text("[" * 200_000)
    with pytest.raises(InputError, match="not JSON in UTF-8"):
        Calibration.load(tmp_path / "c.json")
