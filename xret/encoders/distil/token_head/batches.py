"""What a step of a head's training compares: the batches of distillation, cut for MaxSim."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from xret.encoders.distil.batches import Batch, TrainingData, draw_batch
from xret.encoders.distil.config import DistilConfig

__all__ = ["head_batch"]

_APART = 1_000_003  # steps between two seeds


def head_batch(data: TrainingData, config: DistilConfig, step: int, *, seed: int, limit: int) -> Batch | None:
    """The batch of a step, a function of its seed: documents, questions or sentence pairs, none of them empty.

    Args:
        data: what is trained on.
        config: of the data; its `batch_size` is of questions and sentences.
        step: from 0.
        seed: of the head.
        limit: tokens of a text that are read.

    Returns:
        None where fewer than two texts have tokens on both sides.
    """
    step += seed * _APART
    batch = draw_batch(data, config, step)
    if batch.english is not None and not batch.translations:  # documents, of which a fourth of the size is drawn
        batch = draw_batch(data, replace(config, batch_size=2 * config.batch_size), step)
    return _cut(batch, limit)


def _cut(batch: Batch, limit: int) -> Batch | None:
    """Texts of `limit` tokens at most, where both sides have some."""
    half = len(batch.same)
    lengths = np.minimum(batch.lengths, limit)
    kept = np.flatnonzero((lengths[:half] > 0) & (lengths[half:] > 0))
    if len(kept) < 2:
        return None
    rows = np.concatenate([kept, kept + half])
    starts = (np.cumsum(batch.lengths) - batch.lengths)[rows]
    lengths = lengths[rows]
    offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    ids = batch.ids[np.repeat(starts, lengths) + offsets]
    english = None if batch.english is None else batch.english[kept]
    return Batch(ids, lengths, english, batch.same[np.ix_(kept, kept)], batch.translations)
