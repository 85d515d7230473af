"""MaxSim in training against the stage's, its gradient against PyTorch's, and what a step compares."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")

import torch
from torch.nn import functional

from xret.encoders.distil.batches import Batch, TrainingData
from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.sampling import PairSampler
from xret.encoders.distil.token_head.batches import _cut, head_batch
from xret.encoders.distil.token_head.head import Sets
from xret.encoders.distil.token_head.loss import head_loss
from xret.encoders.distil.token_head.maxsim import scores
from xret.encoders.distil.tokens import Tokens
from xret.fading import faded
from xret.stages.maxsim import maxsim


def sets(lengths: list[int], seed: int) -> Sets:
    generator = torch.Generator().manual_seed(seed)
    rows = sum(lengths)
    vectors = functional.normalize(torch.randn(rows, 5, generator=generator), dim=1).requires_grad_()
    weights = (torch.rand(rows, generator=generator) + 0.1).requires_grad_()
    return Sets(vectors, weights, np.asarray(lengths))


def parts(given: Sets) -> list[tuple[torch.Tensor, torch.Tensor]]:
    lengths = given.lengths.tolist()
    return list(zip(given.vectors.split(lengths), given.weights.split(lengths), strict=True))


def by_torch(queries: Sets, documents: Sets, fade: float) -> torch.Tensor:
    rows = []
    for vectors, weights in parts(queries):
        row = []
        for others, _ in parts(documents):
            falling = torch.from_numpy(faded(np.arange(len(others)), fade))
            row.append((((vectors @ others.T) * falling).amax(1) * weights).sum() / weights.sum())
        rows.append(torch.stack(row))
    return torch.stack(rows)


@pytest.mark.parametrize("fade", [0.0, 2.0])
def test_scores_and_their_gradients(fade: float) -> None:
    queries, documents = sets([3, 1, 4], 1), sets([2, 6, 1, 3], 2)
    found = scores(queries, documents, fade=fade, bfloat16=False)
    for column, (others, _) in enumerate(parts(documents)):
        asked = [(v * (w / w.mean())[:, None]).detach().numpy() for v, w in parts(queries)]
        wanted = maxsim(asked, others.detach().numpy(), similarity="mean", fade=fade)
        assert np.abs(found[:, column].detach().numpy() - wanted).max() < 1e-6
    leaves = [queries.vectors, queries.weights, documents.vectors]
    weight = torch.randn(3, 4, generator=torch.Generator().manual_seed(3))
    mine = torch.autograd.grad((found * weight).sum(), leaves)
    theirs = torch.autograd.grad((by_torch(queries, documents, fade) * weight).sum(), leaves)
    assert max(float((one - other).abs().max()) for one, other in zip(mine, theirs, strict=True)) < 1e-6
    rough = scores(queries, documents, fade=fade, bfloat16=True)
    assert float((rough - found).detach().abs().max()) < 0.02


def test_duplicates_are_no_negatives() -> None:
    """With every other text masked there is nothing to tell apart, whatever the scores."""
    left, right = sets([3, 2, 4], 4), sets([2, 2, 3], 5)
    settings = {"fade": 2.0, "bfloat16": False}
    everything = ~torch.eye(3, dtype=torch.bool)
    for translations in (False, True):
        nothing = head_loss(left, right, everything, torch.tensor(30.0), translations=translations, **settings)  # type: ignore[arg-type]
        some = head_loss(left, right, ~everything & False, torch.tensor(30.0), translations=translations, **settings)  # type: ignore[arg-type]
        assert float(nothing.detach()) < 1e-6 < float(some.detach())


def made_data() -> TrainingData:
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 9, 400)
    tokens = Tokens(rng.integers(0, 50, lengths.sum()).astype(np.int32), np.cumsum([0, *lengths]))
    table = pa.table({"lang": ["eo"] * 400, "source": ["manual"] * 400})
    sampler = PairSampler(
        table, languages=(), weights={}, language_power=0.5, others_share=0.1, one_source_share=0.5, seed=1
    )
    nothing = Tokens(np.empty(0, np.int32), np.zeros(1, np.int64))
    return TrainingData(
        texts=tokens, english=tokens, english_of=np.arange(400), targets=np.empty((400, 0)), sampler=sampler,
        dev_texts=nothing, dev_english=nothing, dev_langs=[], dev_english_of=np.empty(0, np.int64),
    )  # fmt: skip


def test_what_a_step_compares() -> None:
    data = made_data()
    config = DistilConfig(
        batch_size=64, document_sources=("manual",), document_share=0.5, document_rows=5, token_dropout=0.0
    )
    kinds = set()
    for step in range(12):
        batch, again, other = (head_batch(data, config, step, seed=seed, limit=12) for seed in (0, 0, 1))
        assert batch is not None and again is not None and other is not None
        assert np.array_equal(batch.ids, again.ids) and not np.array_equal(batch.ids[:20], other.ids[:20])
        count = len(batch.same)
        assert batch.lengths.shape == (2 * count,) and batch.lengths.sum() == len(batch.ids)
        assert batch.lengths.min() >= 1 and batch.lengths.max() <= 12
        assert 16 < count <= (64 if batch.translations else 32)
        kinds.add(batch.translations)
    assert kinds == {True, False}


def test_texts_without_tokens_are_left_out() -> None:
    lengths = np.asarray([2, 0, 3, 1, 2, 4])
    same = np.zeros((3, 3), bool)
    same[0, 2] = True
    cut = _cut(Batch(np.arange(12), lengths, np.arange(3), same, True), 2)
    assert cut is not None
    assert cut.ids.tolist() == [0, 1, 2, 3, 5, 8, 9] and cut.lengths.tolist() == [2, 2, 1, 2]
    assert cut.same.tolist() == [[False, True], [False, False]] and cut.english is not None
    assert _cut(Batch(np.arange(3), np.asarray([1, 0, 1, 1]), None, np.zeros((2, 2), bool), False), 2) is None
