"""Each map against what it is defined by."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from xret.encoders.adapting.closed_forms import (
    Affine,
    outlier_shares,
    procrustes,
    ridge,
    standardised,
    whitened,
    without_top,
    zeroed,
)
from xret.errors import InputError

Rows = NDArray[np.float32]
NOTHING = np.zeros((6, 6))


def rows(count: int = 300, width: int = 6, seed: int = 1) -> Rows:
    """Rows around a mean, with some directions longer than others."""
    random = np.random.default_rng(seed)
    values = random.standard_normal((count, width)) @ random.standard_normal((width, width))
    return (values + random.standard_normal(width)).astype(np.float32)


def unit(values: Rows) -> Rows:
    found: Rows = values / np.linalg.norm(values, axis=1, keepdims=True)
    return found


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_rotation_or_reflection_of_the_plane_beats_procrustes(seed: int) -> None:
    source, target = rows(20, 2, seed), rows(20, 2, seed + 1)
    found = procrustes(source, target, NOTHING[:2, :2])
    assert found.T @ found == pytest.approx(np.eye(2), abs=1e-10)
    angles = np.linspace(0, 2 * np.pi, 721)
    turns = np.array([[[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]] for a in angles])
    every = np.concatenate([turns, turns @ np.diag([1.0, -1.0])])
    losses = np.linalg.norm(source @ every - target, axis=(1, 2))
    assert np.linalg.norm(source @ found - target) <= losses.min() + 1e-6


def test_procrustes_finds_a_planted_rotation() -> None:
    planted = np.linalg.qr(np.random.default_rng(5).standard_normal((6, 6)))[0]
    source = rows()
    assert procrustes(source, source @ planted, NOTHING) == pytest.approx(planted, abs=1e-6)
    assert procrustes(source, source @ planted, 1e9 * np.eye(6)) == pytest.approx(np.eye(6), abs=1e-4)


@pytest.mark.parametrize("penalty", [0.0, 40.0])
def test_ridge_is_least_squares_with_the_prior_as_further_rows(penalty: float) -> None:
    source, target, prior = rows(), rows(width=4, seed=2), rows(6, 4, seed=3).astype(np.float64)
    above = np.concatenate([source, np.sqrt(penalty) * np.eye(6)])
    wanted = np.linalg.lstsq(above, np.concatenate([target, np.sqrt(penalty) * prior]), rcond=None)[0]
    assert ridge(source, target, penalty, prior) == pytest.approx(wanted, abs=1e-6)


def test_whitening_makes_the_covariance_the_identity() -> None:
    values = rows()
    for dim in (None, 3):
        white = whitened(values, dim=dim)(values)
        assert white.mean(axis=0) == pytest.approx(0, abs=1e-5)
        assert np.cov(white.T, bias=True) == pytest.approx(np.eye(dim or 6), abs=1e-4)
    shrunk = whitened(values, shrinkage=1.0)(values)  # nothing but the mean, the length of all, and a rotation
    ratios = np.linalg.norm(shrunk, axis=1) / np.linalg.norm(values - values.mean(axis=0), axis=1)
    assert ratios == pytest.approx(ratios[0], rel=1e-4)


def test_without_the_top_components_the_others_are_as_they_were() -> None:
    values = rows()
    centred = values - values.mean(axis=0)
    right = np.linalg.svd(centred, full_matrices=False)[2]
    assert without_top(values, 2)(values) == pytest.approx(centred @ right[2:].T @ right[2:], abs=1e-4)


def test_shares_are_what_dimensions_add_to_the_mean_cosine() -> None:
    values = unit(rows(80))
    products = np.einsum("id,jd->ijd", values, values).mean(axis=(0, 1))
    assert outlier_shares(values) == pytest.approx(products / products.sum(), rel=1e-4)


def test_outlier_dimensions() -> None:
    values = rows()
    values[:, 2] = 9
    assert zeroed(unit(values), 0.5)(values)[:, 2] == pytest.approx(0)
    assert zeroed(unit(values), 0.5)(values)[:, :2] == pytest.approx(values[:, :2])
    straight = standardised(values)(values)
    assert straight.std(axis=0) == pytest.approx([1, 1, 0, 1, 1, 1], abs=1e-4)  # what never varies says nothing
    with pytest.raises(InputError, match="0 of 6 dimensions make up more than 1 of the mean"):
        zeroed(unit(values), 1.0)


def test_maps_compose() -> None:
    values, white = rows(), whitened(rows())
    both = white.then(without_top(white(values), 1))
    assert both(values) == pytest.approx(without_top(white(values), 1)(white(values)), abs=1e-4)
    assert Affine.identity(6).then(white)(values) == pytest.approx(white(values))


def test_what_vectors_do_not_determine_is_refused() -> None:
    flat = rows()
    flat[:, 5] = flat[:, 4]
    with pytest.raises(InputError, match=r"rank 5 of 6, too few to whiten 6 values.*--whiten --dim 5"):
        whitened(flat)
    assert whitened(flat, dim=5)(flat).shape == (300, 5)
    assert np.isfinite(whitened(flat, shrinkage=0.1).weight).all()
    with pytest.raises(InputError, match="rank 5 of 6, which determines no linear map; give --ridge"):
        ridge(flat, flat, 0.0, NOTHING)
    with pytest.raises(InputError, match="leaves nothing of 6"):
        without_top(flat, 6)
