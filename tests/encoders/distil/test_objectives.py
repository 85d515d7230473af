"""Objectives against their written-out formulas; masking, hard negatives, and what training on them does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")

import torch
from torch.nn import functional

from tests.encoders.distil.conftest import WHO, Toy, foreign
from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.context import Context
from xret.encoders.distil.hard import HardPairs, find_neighbours
from xret.encoders.distil.masking import draw_masked
from xret.encoders.distil.objectives import contrast, nested_contrast
from xret.encoders.distil.preparation import Preparation
from xret.encoders.distil.siblings import Siblings
from xret.encoders.distil.students import make_student
from xret.encoders.distil.tokens import Tokens
from xret.encoders.distil.train import _Run

OPTIONS = {"temperature": 0.1, "bfloat16": False, "both": True}


def unit(rows: int, width: int, seed: int) -> torch.Tensor:
    random = torch.randn(rows, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return functional.normalize(random, dim=1).requires_grad_()


def written_out(left: torch.Tensor, right: torch.Tensor, same: torch.Tensor, margin: float) -> torch.Tensor:
    """Yang et al. 2019: exp(φ(x_i, y_i) - m) against the sum over j of exp(φ(x_i, y_j)), both ways, but doubles."""
    cosines = left @ right.T
    losses = []
    for phi, left_out in ((cosines, same), (cosines.T, same.T)):
        for i in range(len(phi)):
            good = torch.exp((phi[i, i] - margin) / 0.1)
            bad = sum(torch.exp(phi[i, j] / 0.1) for j in range(len(phi)) if j != i and not left_out[i, j])
            losses.append(-torch.log(good / (good + bad)))
    return torch.stack(losses).mean()


@pytest.mark.parametrize("margin", [0.0, 0.3])
def test_contrast_with_doubles_left_out_and_a_margin(margin: float) -> None:
    left, right = unit(6, 5, 1), unit(6, 5, 2)
    same = torch.zeros(6, 6, dtype=torch.bool)
    same[0, 3] = same[3, 0] = same[2, 5] = True
    loss = contrast(left, right, same, margin=margin, **OPTIONS)  # type: ignore[arg-type]
    wanted = written_out(left, right, same, margin)
    assert float(loss.detach()) == pytest.approx(float(wanted.detach()), rel=1e-6)
    for mine, theirs in zip(
        torch.autograd.grad(loss, (left, right)), torch.autograd.grad(wanted, (left, right)), strict=True
    ):
        assert (mine - theirs).abs().max() < 1e-5


def test_nested_contrast_is_the_mean_over_widths() -> None:
    left, right, same = unit(6, 8, 1), unit(6, 8, 2), torch.zeros(6, 6, dtype=torch.bool)
    parts = []
    for width in (8, 4, 2):
        cut = [functional.normalize(side[:, :width], dim=1) for side in (left, right)]
        parts.append(written_out(cut[0], cut[1], same, 0.0))
    loss = nested_contrast(left, right, same, dims=(4, 2, 8, 64), **OPTIONS)
    assert float(loss.detach()) == pytest.approx(float(torch.stack(parts).mean().detach()), rel=1e-5)
    plain = nested_contrast(left, right, same, dims=(), **OPTIONS)
    assert torch.equal(plain, contrast(left, right, same, **OPTIONS))  # type: ignore[arg-type]


def test_masked_batches_hide_what_they_say() -> None:
    tokens = Tokens(np.arange(1000, dtype=np.int32), np.arange(0, 1001, 10))
    config = DistilConfig(masked_batch=50, masked_share=0.2, seed=3)
    masked = draw_masked(tokens, config, 4, mask_id=5000)
    assert masked is not None and len(masked.ids) == 500 and 60 < len(masked.places) < 140
    shown = masked.ids[masked.places]
    assert 0.65 < np.mean(shown == 5000) < 0.95 and 0.02 < np.mean(shown == masked.hidden) < 0.25
    restored = masked.ids.copy()
    restored[masked.places] = masked.hidden
    assert (np.diff(restored.reshape(50, 10)) == 1).all()  # runs of one text each, as they were
    again = draw_masked(tokens, config, 4, mask_id=5000)
    assert again is not None and (again.ids == masked.ids).all()
    assert draw_masked(tokens, replace(config, masked_share=0.0), 4, mask_id=5000) is None


def test_neighbours_are_those_of_brute_force_and_prefer_the_seeds_language(tmp_path: Path) -> None:
    vectors = unit(40, 8, 5).detach().numpy()
    vectors[7] = vectors[3]  # a double: each is the other's nearest
    found = find_neighbours(vectors.astype(np.float16), tmp_path / "n.npy", k=4)
    scores = vectors.astype(np.float16).astype(np.float64) @ vectors.astype(np.float16).astype(np.float64).T
    np.fill_diagonal(scores, -9)
    assert (np.sort(found) == np.sort(np.argsort(-scores, axis=1)[:, :4])).all()
    assert found[3, 0] == 7 and found[7, 0] == 3
    english_of = np.repeat(np.arange(40), 3)  # each string in three languages
    hard = HardPairs(found, Siblings.of(english_of, np.tile(np.arange(3), 40), strings=40))
    seeds = np.asarray([1, 50])
    pairs = hard.around(seeds, english_of, np.random.default_rng(0), group=4)
    near = {int(n) for seed in seeds for n in found[english_of[seed]]} | set(english_of[seeds])
    assert set(seeds) <= set(pairs) and {int(english_of[pair]) for pair in pairs} <= near and len(pairs) > 5
    own = np.isin(pairs % 3, seeds % 3)
    assert own.mean() > 0.7


def test_packed_attention_is_that_of_each_text_alone() -> None:
    torch.manual_seed(0)
    context = Context(hidden=16, layers=2, heads=2, intermediate=32, theta=10_000.0, epsilon=1e-5)
    lengths = np.asarray([5, 0, 1, 12, 5, 40, 3])
    rows = torch.randn(int(lengths.sum()), 16)
    with torch.no_grad():
        together = context(rows, lengths, bfloat16=False)
        for size, end in zip(lengths, np.cumsum(lengths), strict=True):
            alone = context(rows[end - size : end], np.asarray([size]), bfloat16=False)
            assert size == 0 or (together[end - size : end] - alone).abs().max() < 1e-5


@pytest.mark.parametrize("student", ["hybrid", "transformer"])
def test_training_lowers_every_loss(student: str, toy: Toy, teacher: str, tmp_path: Path) -> None:
    sentences = [foreign(f"{who} sees the {what} of my sister") for who in WHO for what in ("moon", "river", "book")]
    (tmp_path / "mono.txt").write_text("\n".join(sentences), "utf-8")
    config = DistilConfig(
        teacher=teacher, student=student, vocab_size=400, chars_per_language=100_000, hidden_size=32, heads=2, layers=1,
        batch_size=32, steps=80, warmup_steps=5, learning_rate=0.05, dense_learning_rate=3e-3, dev_pairs=5, margin=0.1,
        dims=(64,), hard_share=0.5, hard_group=4, masked_weight=1.0, masked_batch=48,
        texts=(str(tmp_path / "mono.txt"),), device="cpu", max_tokens=24,
    )  # fmt: skip
    steps = Preparation([toy(count=150)], config, tmp_path / "work", threads=1)
    pairs, dev = steps.pairs()
    tokenizer = steps.tokenizer(pairs)
    data = steps.training_data(pairs, dev, tokenizer)
    assert data.hard is not None and (tmp_path / "work").glob("neighbours-*.npy")
    run = _Run(make_student(config, data, tokenizer), data, config)

    def guessing() -> float:
        with torch.no_grad():
            return float(
                torch.stack([loss for at in range(9000, 9008) if (loss := run._masked_loss(at)) is not None]).mean()
            )

    before = guessing()
    losses = [run.step(step) for step in range(80)]
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:10])
    assert guessing() < 0.8 * before
