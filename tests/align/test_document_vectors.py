"""Vectors of documents tell both what is said and in which order."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from xret.align import document_vectors, rarity
from xret.align.documents import coverage, slot_weights
from xret.vectors import Vectors


def test_rarity_counts_documents_not_repetitions() -> None:
    numbers, starts = np.array([0, 1, 1, 0, 2, 0]), np.array([0, 3, 4, 6])
    wanted = [math.log(1 + 3 / held) for held in (3, 1, 1, 3, 1, 3)]
    assert rarity(numbers, starts) == pytest.approx(wanted)


def test_slots_look_at_their_own_part() -> None:
    weights = slot_weights(36, 4)
    assert weights.sum(axis=1) == pytest.approx(np.ones(4))
    assert weights.argmax(axis=1).tolist() == [4, 13, 22, 31]  # the middles of the quarters
    assert slot_weights(1, 4).tolist() == [[1.0]] * 4


def test_noisy_translations_are_nearest_also_where_only_order_differs() -> None:
    random = np.random.default_rng(0)
    lengths = random.integers(1, 30, 60)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    single = random.normal(size=(starts[-1], 24)) + 2 * random.normal(size=24)
    single[starts[1] : starts[2]] = single[starts[1]]  # one document says one thing again and again
    other = single + 0.7 * random.normal(size=single.shape)
    back = np.concatenate([np.arange(stop - 1, start - 1, -1) for start, stop in pairwise(starts)])
    both = np.concatenate([other, other[back]])  # every document, then every document backwards
    weights = np.ones(len(single))
    doubled = np.concatenate([starts, starts[1:] + starts[-1]])
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (single, both)]
    x = document_vectors(Vectors.open(unit[0].astype(np.float32)), starts, weights)
    y = document_vectors(Vectors.open(unit[1].astype(np.float32)), doubled, np.tile(weights, 2))
    assert x.dtype == np.float16 and x.shape == (60, 4 * 24)
    assert np.linalg.norm(x.astype(float), axis=1) == pytest.approx(np.ones(60), abs=2e-3)
    nearest = (x.astype(np.float32) @ y.astype(np.float32).T).argmax(axis=1)
    long = np.flatnonzero(lengths > 4)
    assert (nearest[long] == long).mean() > 0.95
    unordered = document_vectors(Vectors.open(unit[1].astype(np.float32)), doubled, np.tile(weights, 2), slots=1)
    assert unordered[:60] == pytest.approx(unordered[60:], abs=2e-3)


def test_a_document_like_the_mean_of_all_has_a_vector_all_the_same() -> None:
    same = Vectors.open(np.tile(np.array([[0.6, 0.8]], np.float32), (4, 1)))
    found = document_vectors(same, np.array([0, 1, 3, 4]), np.ones(4), slots=2)
    assert np.linalg.norm(found.astype(float), axis=1) == pytest.approx(np.ones(3), abs=1e-3)


def test_coverage_is_the_mean_of_the_best_cosines() -> None:
    random = np.random.default_rng(2)
    x, y = (
        each / np.linalg.norm(each, axis=1, keepdims=True) for each in (random.normal(size=(n, 6)) for n in (1500, 3))
    )
    weights = random.uniform(0.1, 2, 1500), random.uniform(0.1, 2, 3)
    cosines = x @ y.T
    wanted = np.average(cosines.max(axis=1), weights=weights[0]) + np.average(cosines.max(axis=0), weights=weights[1])
    found = coverage(x.astype(np.float32), weights[0], y.astype(np.float32), weights[1])
    assert found == pytest.approx(wanted / 2, abs=0.02)  # of the longer one a sample
    exact = coverage(x[:900].astype(np.float32), weights[0][:900], y.astype(np.float32), weights[1])
    wanted = np.average(cosines[:900].max(axis=1), weights=weights[0][:900])
    wanted += np.average(cosines[:900].max(axis=0), weights=weights[1])
    assert exact == pytest.approx(wanted / 2, abs=1e-6)


def test_coverage_of_long_documents_grows_with_their_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting(np.ndarray[Any, Any]):
        cells = 0

        def __matmul__(self, other: Any) -> Any:
            found = np.asarray(self) @ np.asarray(other)
            Counting.cells += found.size
            return found

    random = np.random.default_rng(1)
    x = random.normal(size=(9000, 4)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    weights = np.ones(len(x))
    assert coverage(x.view(Counting), weights, x.view(Counting), weights) == pytest.approx(1, abs=1e-5)
    assert Counting.cells <= 2 * 1000 * 9000
