"""Codes, centroids and pools against plain definitions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.indexes.multivector.sets import unit
from xret.indexes.multivector import centroids
from xret.indexes.multivector.centroids import Centroids, Groups, centroid_count, nearest, trained_centroids
from xret.indexes.multivector.codec import CODECS, Codec, CodecName, codec_span, trained_codec
from xret.indexes.multivector.pooling import pooled, pooled_document
from xret.indexes.multivector.postings import postings_of, spans
from xret.indexes.multivector.sweep import probes

RNG = np.random.default_rng(0)
VECTORS = unit(RNG.normal(size=(2000, 16)))
RESIDUALS = np.asarray(0.2 * RNG.normal(size=(2000, 16)), np.float32)


@pytest.mark.parametrize("name", CODECS)
def test_codes_are_the_nearest_there_are(name: CodecName) -> None:
    with ThreadPoolExecutor(2) as pool:
        codec = trained_codec(name, RESIDUALS, seed=0, pool=pool)
    codes = codec.encode(RESIDUALS, np.zeros_like(VECTORS))  # of no direction: nothing to straighten
    assert codes.shape == (2000, 16 // codec_span(name)) and codes.dtype == np.uint8
    decoded = codec.decode(codes)
    if name == "small":
        for place, book in enumerate(codec.books):
            part = RESIDUALS[:, 4 * place : 4 * place + 4]
            best = np.square(part[:, None] - book).sum(axis=2).min(axis=1)
            assert np.allclose(np.square(part - decoded[:, 4 * place : 4 * place + 4]).sum(axis=1), best, atol=1e-5)
    else:
        assert np.allclose(np.abs(RESIDUALS - decoded), np.abs(RESIDUALS[..., None] - codec.levels).min(axis=2))
    assert np.array_equal(codec.encode(decoded, np.zeros_like(VECTORS)), codes)


def test_levels_are_the_means_of_what_is_nearest_to_them() -> None:
    with ThreadPoolExecutor(1) as pool:
        levels = trained_codec("2bit", RESIDUALS, seed=0, pool=pool).levels
    near = np.abs(RESIDUALS.ravel()[:, None] - levels).argmin(axis=1)
    means = [RESIDUALS.ravel()[near == place].mean() for place in range(4)]
    assert np.allclose(levels, means, atol=2e-3)


def test_errors_along_the_vector_are_small() -> None:
    codec = Codec.of_levels("4bit", np.linspace(-0.5, 0.5, 16, dtype=np.float32))
    plain = codec.decode(codec.encode(RESIDUALS, np.zeros_like(VECTORS))) - RESIDUALS
    straight = codec.decode(codec.encode(RESIDUALS, VECTORS)) - RESIDUALS
    along = [np.sqrt(np.square((error * VECTORS).sum(axis=1)).mean()) for error in (plain, straight)]
    total = [np.square(error).sum(axis=1).mean() for error in (plain, straight)]
    assert along[1] < along[0] / 3 and total[1] < 1.5 * total[0]


def test_centroids_are_found_again_and_the_same_on_any_number_of_threads() -> None:
    true = unit(RNG.normal(size=(20, 16)))
    sample = unit(true[RNG.integers(0, 20, 3000)] + 0.1 * RNG.normal(size=(3000, 16)))
    made = []
    for threads in (1, 3):
        with ThreadPoolExecutor(threads) as pool:
            made.append(trained_centroids(sample, 32, seed=3, pool=pool, rounds=12))
            cells, product = nearest(sample, made[0], pool)
    assert np.array_equal(made[0], made[1])
    assert np.array_equal(cells, (sample @ made[0].T).argmax(axis=1))
    assert np.allclose(product, (sample @ made[0].T).max(axis=1), atol=1e-6)
    assert (true @ made[0].T).max(axis=1).mean() > 0.9
    stored = Centroids.of(made[0])
    assert np.abs(stored.values() - made[0]).max() <= stored.step / 2 + 1e-7


def test_how_many_centroids() -> None:
    assert centroid_count(600_000, 10**9) == 8192 and centroid_count(2_400_000, 10**9) == 16_384
    assert centroid_count(600_000, 80) == 8 and centroid_count(0, 0) == 1


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=20), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_postings_name_every_pair_once(counts: list[int], centroids: int, seed: int) -> None:
    many = np.array(counts)
    cells = np.random.default_rng(seed).integers(0, centroids, many.sum()).astype(np.uint8)
    lists, postings = postings_of(cells, many, centroids)
    owner = np.repeat(np.arange(len(many)), many)
    for centroid in range(centroids):
        own = postings[lists[centroid] : lists[centroid + 1]]
        assert own.tolist() == sorted(set(owner[cells == centroid].tolist()))
    starts = np.cumsum(many) - many
    assert spans(starts, many).tolist() == list(range(many.sum()))


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 5), st.integers(1, 3000), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_probes_are_the_best_centroids(tokens: int, centroids: int, probe: int, seed: int) -> None:
    scores = np.random.default_rng(seed).normal(size=(tokens, centroids)).round(1).astype(np.float32)
    look = probes(scores, probe)
    wanted = min(probe, centroids)
    order = np.argsort(-scores, axis=1, kind="stable")
    assert np.array_equal(look.cells, order[:, :wanted])
    if centroids > probe:
        ranked = np.take_along_axis(scores, order, 1)
        assert np.allclose(look.gain, ranked[:, :wanted] - ranked[:, wanted : wanted + 1], atol=1e-6)


def test_pools_join_those_most_alike() -> None:
    rows = unit(np.array([[1, 0, 0], [0, 1, 0], [1, 0.1, 0], [0, 0, 1], [0, 1, 0.1], [0.1, 0, 1]]))
    means = pooled_document(rows, 2)
    assert np.allclose(
        means, unit(np.array([rows[[0, 2]].sum(0), rows[[1, 4]].sum(0), rows[[3, 5]].sum(0)])), atol=1e-6
    )
    assert np.array_equal(pooled_document(rows, 1), rows)
    assert pooled_document(rows, 100).shape == (1, 3) and pooled_document(rows[:0], 2).shape == (0, 3)
    with ThreadPoolExecutor(2) as pool:
        apart, sizes = pooled(np.concatenate([rows, rows[:1]]), np.array([6, 0, 1]), 2, pool, text_first=True)
        assert sizes.tolist() == [4, 0, 1]
        assert np.array_equal(apart[[0, 4]], rows[[0, 0]]) and np.array_equal(apart[1:4], pooled_document(rows[1:], 2))
        both, counts = pooled(np.concatenate([rows, rows]), np.array([6, 0, 6]), 2, pool)
    assert counts.tolist() == [3, 0, 3] and np.array_equal(both[:3], means)


def test_groups_of_centroids_miss_few_of_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(centroids, "MANY", 64)
    monkeypatch.setattr(centroids, "LOOK", 4)
    values = unit(RNG.normal(size=(256, 16)))
    with ThreadPoolExecutor(2) as pool:
        groups = Groups.of(values, pool)
        assert groups is not None and len(groups.means) == 16
        assert np.array_equal(np.sort(np.concatenate(groups.members)), np.arange(256))
        exact, most = nearest(VECTORS, values, pool)
        found, product = nearest(VECTORS, values, pool, groups)
    assert np.allclose(product, (VECTORS * values[found]).sum(axis=1), atol=1e-6)
    assert (found == exact).mean() > 0.75 and (most - product).mean() < 0.05
