"""What vectors count by their place, in the kernel that compares texts and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from xret.fading import faded
from xret.stages.maxsim import maxsim


def test_the_factor() -> None:
    assert np.array_equal(faded(np.arange(3), 0), np.ones(3, np.float32))
    assert faded(np.array([0, 4, 12]), 4.0) == pytest.approx([1, np.sqrt(0.5), 0.5])


def test_maxsim_counts_a_document_by_it() -> None:
    rng = np.random.default_rng(0)
    queries = [rng.normal(size=(n, 8)).astype(np.float32) for n in (3, 1)]
    document = rng.normal(size=(9, 8)).astype(np.float32)
    factor = 1 / np.sqrt(1 + np.arange(9) / 2.5)
    for similarity in ("sum", "mean"):
        found = maxsim(queries, document, similarity=similarity, fade=2.5)
        for query, score in zip(queries, found, strict=True):
            best = (query @ document.T * factor).max(axis=1)
            assert score == pytest.approx(best.sum() if similarity == "sum" else best.mean(), abs=1e-4)
    assert maxsim(queries, document[:0], fade=2.5) == pytest.approx([-3, -1])
