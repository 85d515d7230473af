"""The margin formula, and that everything which scores by margin uses it."""

from __future__ import annotations

import numpy as np
import pytest

import xret.eval.xsim
import xret.stages.margin
from xret.margins import MARGINS, Margin, margin_scores


@pytest.mark.parametrize(
    ("margin", "scores"),
    [("ratio", [2.0, -0.5, 0.0, 0.0]), ("distance", [0.25, -0.375, 0.75, 0.75]), ("absolute", [0.5, -0.125, 0.5, 0.5])],
)
def test_the_formula(margin: Margin, scores: list[float]) -> None:
    """A neighbourhood that is nowhere near (mean 0 or below) gives a ratio of 0, whatever the cosine."""
    cosine = np.array([0.5, -0.125, 0.5, 0.5], np.float32)
    src_mean, tgt_mean = np.array([0.25, 0.25, -0.25, -0.5]), np.array([0.25, 0.25, -0.25, 0.0])
    found = margin_scores(cosine, src_mean, tgt_mean, margin)
    assert found.dtype == np.float64
    assert found.tolist() == scores
    matrix = margin_scores(cosine[None, :], src_mean[:1, None], tgt_mean[None, :1], margin)
    assert matrix[0, :2].tolist() == scores[:2]


def test_there_is_one() -> None:
    assert set(MARGINS) == {"ratio", "distance", "absolute"}
    for module in (xret.stages.margin, xret.eval.xsim):
        assert vars(module)["margin_scores"] is margin_scores
