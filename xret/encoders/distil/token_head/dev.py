"""How good a token head is on the held-out pairs."""

from __future__ import annotations

import numpy as np
import torch

from xret.encoders.distil.batches import TrainingData
from xret.encoders.distil.hybrid import HybridStudent
from xret.encoders.distil.token_head.head import MaxSimHead, Sets
from xret.encoders.distil.token_head.maxsim import scores

__all__ = ["head_accuracy"]

_MOST = 512  # pairs: all are compared with all, token by token


def head_accuracy(student: HybridStudent, head: MaxSimHead, data: TrainingData, *, fade: float, limit: int) -> float:
    """Share of held-out sentences whose MaxSim is the largest with a translation, mean over both directions.

    Among `_MOST` pairs of all languages, evenly drawn; NaN where nothing is held out.

    Args:
        student: gives the token vectors.
        head: what is measured.
        data: its held-out pairs.
        fade: see `xret.fading.faded`.
        limit: tokens read of a text.
    """
    count = len(data.dev_langs)
    rows = np.unique(np.linspace(0, max(0, count - 1), min(count, _MOST)).astype(np.int64))
    parts = (data.dev_texts, data.dev_english)
    for part in parts:
        rows = rows[part.gather(rows, limit=limit)[1] > 0]
    if not len(rows):
        return float("nan")
    names = data.dev_english_of[rows]
    with torch.no_grad():
        texts, english = (_sets(student, head, *part.gather(rows, limit=limit)) for part in parts)
        ways = ((texts, english), (english, texts))
        found = [scores(*way, fade=fade, bfloat16=False).argmax(dim=1).cpu().numpy() for way in ways]
    return float(np.mean([(names[nearest] == names).mean() for nearest in found]))


def _sets(student: HybridStudent, head: MaxSimHead, ids: np.ndarray, lengths: np.ndarray) -> Sets:
    sets: Sets = head(*student.tokens(ids, lengths, exact=True), lengths)
    return sets
