"""Strict and lax scores equal Vecalign's `score_multiple` (commit f372627) on drawn alignments."""

from __future__ import annotations

import random

import pytest

from xret.align import alignment_scores
from xret.align.scores import Runs


def drawn(seed: int, segments: int = 60) -> list[Runs]:
    """An alignment of two documents, by the generator of the standard library: the same everywhere."""
    beads: list[Runs] = []
    chance, place = random.Random(seed), [0, 0]
    while place[0] < segments:
        a, b = chance.choice([(1, 1)] * 6 + [(1, 2), (2, 1), (1, 0), (0, 1)])
        beads.append((tuple(range(place[0], place[0] + a)), tuple(range(place[1], place[1] + b))))
        place = [place[0] + a, place[1] + b]
    return beads


GOLDEN = {
    (1, 2): (0.036364, 0.045455, 0.040404, 0.163636, 0.204545, 0.181818),
    (3, 4): (0.15873, 0.156863, 0.157791, 0.253968, 0.27451, 0.26384),
    (7, 6): (0.117647, 0.083333, 0.097561, 0.147059, 0.125, 0.135135),
}
"""Seeds of what was found and of gold: strict precision, recall and F1, then lax ones."""


@pytest.mark.parametrize("seeds", list(GOLDEN))
def test_scores_are_those_of_vecalign(seeds: tuple[int, int]) -> None:
    scores = alignment_scores(drawn(seeds[0]), drawn(seeds[1]))
    strict = scores.precision, scores.recall, scores.f1
    assert (*strict, scores.lax_precision, scores.lax_recall, scores.lax_f1) == pytest.approx(GOLDEN[seeds], abs=1e-6)


def test_a_perfect_alignment_and_none() -> None:
    gold = drawn(1)
    best = alignment_scores(gold, gold)
    assert (best.f1, best.lax_f1, best.correct, best.found, best.gold) == (1, 1, len(gold), len(gold), len(gold))
    nothing = alignment_scores([], gold)
    assert (nothing.precision, nothing.recall, nothing.f1, nothing.found) == (0, 0, 0, 0)
    assert alignment_scores([(("a",), ("b", "c"))], [(("a",), ("b",))]).lax_f1 == 1
