"""Maps fitted to vectors with something planted in them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from xret.encoders.adapting.fitting import Material, fit_map, unit
from xret.encoders.adapting.measuring import mean_cosine, measure
from xret.encoders.adapting.plan import Plan
from xret.errors import InputError, UsageError

WIDTH, PAIRS = 12, 150
RANDOM = np.random.default_rng(11)
ANCHORS = unit(RANDOM.standard_normal((PAIRS, WIDTH)).astype(np.float32))
TURNS = [np.linalg.qr(RANDOM.standard_normal((WIDTH, WIDTH)))[0].astype(np.float32) for _ in range(2)]
LANGS = np.array(["aa"] * PAIRS + ["bb"] * PAIRS, object)
OF = np.tile(np.arange(PAIRS), 2)
Vectors = NDArray[np.float32]


def material(texts: Vectors, **options: Any) -> Material:
    """English is language 0, the two others 1 and 2."""
    groups = np.repeat([1, 2], PAIRS)
    fields: dict[str, Any] = {"anchors": ANCHORS, "anchor_group": np.zeros(PAIRS, np.int64), **options}
    return Material(texts=texts, anchor_of=OF, text_group=groups, **fields)


def rows(fitted: Any) -> NDArray[np.int64]:
    return np.array([fitted.row_of[1]] * PAIRS + [fitted.row_of[2]] * PAIRS)


def test_a_planted_rotation_of_each_language_is_undone() -> None:
    texts = np.concatenate([ANCHORS @ turn for turn in TURNS])
    before = measure(ANCHORS, texts, OF, LANGS)
    for fit in ("orthogonal", "linear"):
        fitted = fit_map(Plan(fit=fit, per_language=True, ridge=1e-9), material(texts), least=50)
        mapped = fitted(texts, rows(fitted))
        assert mapped == pytest.approx(np.concatenate([ANCHORS, ANCHORS]), abs=1e-4)
        assert measure(ANCHORS, mapped, OF, LANGS).accuracy == 1.0 > before.accuracy
        english = fitted(ANCHORS, np.full(PAIRS, fitted.row_of[0]))
        assert english == pytest.approx(ANCHORS, abs=1e-4)
    assert fitted.weight[fitted.row_of[1]] == pytest.approx(TURNS[0].T, abs=1e-4)


def test_the_space_of_another_encoder_is_found_from_text_of_one_language() -> None:
    wide = (RANDOM.standard_normal((WIDTH, 20)) / 4).astype(np.float32)
    targets = unit(ANCHORS @ wide)
    empty = {"anchor_of": np.empty(0, np.int64), "text_group": np.empty(0, np.int64)}
    alone = Material(
        anchors=ANCHORS, anchor_group=np.zeros(PAIRS, np.int64), texts=np.empty((0, WIDTH), np.float32),
        targets=targets, **empty,
    )  # fmt: skip
    fitted = fit_map(Plan(fit="linear", ridge=1e-6), alone, least=1)
    found = fitted(ANCHORS, np.zeros(PAIRS, np.int64))
    assert np.einsum("nd,nd->n", found, targets).min() > 0.98
    with pytest.raises(InputError, match="12 values are to become 20; take --linear"):
        fit_map(Plan(fit="orthogonal"), alone, least=1)


def test_a_language_with_few_pairs_stays_with_the_others() -> None:
    texts = np.concatenate([ANCHORS @ TURNS[0], ANCHORS @ TURNS[0]])
    few = np.r_[np.arange(PAIRS), PAIRS + np.arange(8)]
    of = Material(
        anchors=ANCHORS, anchor_group=np.zeros(PAIRS, np.int64), texts=texts[few], anchor_of=OF[few],
        text_group=np.repeat([1, 2], [PAIRS, 8]),
    )  # fmt: skip
    strong, middle = (fit_map(Plan(fit="linear", per_language=True, ridge=ridge), of, least=2) for ridge in (1e6, 1e-2))
    unseen, goal = texts[PAIRS + 8 :], ANCHORS[8:]
    assert middle.row_of == strong.row_of == {0: 1, 1: 2, 2: 3}
    own, shared = (strong(unseen, np.full(len(unseen), row)) for row in (3, 0))
    assert own == pytest.approx(shared, abs=1e-3)
    near = [np.einsum("nd,nd->n", fitted(unseen, np.full(len(unseen), 2)), goal).mean() for fitted in (middle, strong)]
    assert near[0] > 0.99 > near[1]


def test_centring_takes_out_planted_offsets_and_helps() -> None:
    offsets = 3 * RANDOM.standard_normal((2, WIDTH)).astype(np.float32)
    noisy = np.concatenate([ANCHORS, ANCHORS]) + 0.1 * RANDOM.standard_normal((2 * PAIRS, WIDTH)).astype(np.float32)
    texts = unit(noisy + np.repeat(offsets, PAIRS, axis=0))
    before = measure(ANCHORS, texts, OF, LANGS)
    fitted = fit_map(Plan(centre=True), material(texts), least=50)
    mapped, english = fitted(texts, rows(fitted)), fitted(ANCHORS, np.full(PAIRS, fitted.row_of[0]))
    after = measure(english, mapped, OF, LANGS)
    assert after.accuracy > before.accuracy + 0.05 and after.mixed > before.mixed
    assert after.mean_cosine < before.mean_cosine
    for row, vectors in ((0, ANCHORS), (1, texts[:PAIRS]), (2, texts[PAIRS:])):
        assert fitted.offset[fitted.row_of[row]] == pytest.approx(-vectors.mean(axis=0), abs=1e-5)
    assert fitted.offset[0] == pytest.approx(fitted.offset[1:].mean(axis=0), abs=1e-5)  # of unknown languages


def test_languages_with_little_text_share_a_row() -> None:
    fitted = fit_map(Plan(centre=True), material(np.concatenate([ANCHORS, ANCHORS])), least=PAIRS + 1)
    assert fitted.row_of == {} and len(fitted.offset) == 1
    unknown = material(np.concatenate([ANCHORS, ANCHORS]), anchor_group=np.full(PAIRS, -1))
    assert set(fit_map(Plan(centre=True), unknown, least=2).row_of) == {1, 2}


def test_steps_are_taken_in_their_order_and_make_one_map() -> None:
    texts = unit(np.concatenate([ANCHORS @ turn for turn in TURNS]) + np.float32(0.4))
    plan = Plan(outliers="standardise", centre=True, remove_top=1, whiten=True, dim=8, fit="linear", per_language=True)
    fitted = fit_map(plan, material(texts), least=2)
    assert fitted.weight.shape == (4, WIDTH, 8) and fitted.offset.shape == (4, 8)
    mapped = fitted(texts, rows(fitted))
    assert np.linalg.norm(mapped, axis=1) == pytest.approx(1, abs=1e-5)
    assert abs(mean_cosine(mapped)) < 0.02 < mean_cosine(texts)
    assert [step.split()[0] for step in plan.steps(WIDTH, 8, "x")] == [
        "dimensions", "language", "top", "whitened", "linear",
    ]  # fmt: skip


def test_too_little_text() -> None:
    few = Material(
        anchors=ANCHORS[:3], anchor_group=np.zeros(3, np.int64), texts=ANCHORS[:3], anchor_of=np.arange(3),
        text_group=np.ones(3, np.int64),
    )  # fmt: skip
    with pytest.raises(InputError, match="6 texts do not determine an orthogonal map of 12 values"):
        fit_map(Plan(fit="orthogonal", ridge=0), few, least=1)
    with pytest.raises(InputError, match=r"of 6 texts have rank . of 12, too few to whiten 12"):
        fit_map(Plan(whiten=True, shrinkage=0), few, least=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "no map to fit"),
        ({"centre": True, "dim": 4}, "--dim keeps the first whitened"),
        ({"centre": True, "per_language": True}, "--per-language is of matrices"),
        ({"whiten": True, "shrinkage": 2.0}, "--shrinkage 2.0 is outside"),
        ({"fit": "linear", "ridge": -1.0}, "--ridge -1.0"),
    ],
)
def test_plans_that_mean_nothing(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Plan(**options)


def test_measures_against_brute_force() -> None:
    anchors, texts = ANCHORS[:40], unit(ANCHORS[:40] + 0.35 * RANDOM.standard_normal((40, WIDTH)).astype(np.float32))
    found = measure(anchors, texts, np.arange(40), np.array(["aa"] * 25 + ["bb"] * 15, object))
    cosines = texts @ anchors.T
    to = [int(cosines[n].argmax() == n) for n in range(40)]
    back = [int(cosines[:25, n].argmax() == n) for n in range(25)]
    assert found.languages["aa"].to_anchor == pytest.approx(np.mean(to[:25]))
    assert found.languages["bb"].to_anchor == pytest.approx(np.mean(to[25:]))
    assert found.languages["aa"].from_anchor == pytest.approx(np.mean(back))
    assert found.languages["aa"].pairs == 25
    pool = np.concatenate([texts, anchors])
    against = texts @ pool.T
    against[np.arange(40), np.arange(40)] = -9
    right = against.argmax(axis=1) % 40 == np.arange(40)
    assert found.mixed == pytest.approx((right[:25].mean() + right[25:].mean()) / 2)
    pairs = (pool @ pool.T)[~np.eye(80, dtype=bool)]
    assert found.mean_cosine == pytest.approx(pairs.mean(), abs=1e-5)
