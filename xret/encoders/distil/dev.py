"""How good a student is on the held-out pairs."""

from __future__ import annotations

import numpy as np

from xret.encoders.distil.batches import TrainingData
from xret.encoders.distil.student import Student, encode_rows

__all__ = ["accuracy_of", "dev_accuracy"]


def dev_accuracy(student: Student, data: TrainingData, *, limit: int) -> float:
    """Share of held-out sentences whose nearest neighbour on the other side is a translation.

    Candidates are the held-out pairs of all languages together, which stays hard when a language's own hundred no
    longer are. Mean over languages and both directions; 0 where nothing is held out.
    """
    rows = np.arange(len(data.dev_langs))
    texts, english = (encode_rows(student, part, rows, limit=limit) for part in (data.dev_texts, data.dev_english))
    return accuracy_of(texts, english, data)


def accuracy_of(texts: np.ndarray, english: np.ndarray, data: TrainingData) -> float:
    """As `dev_accuracy`, of the vectors (held-out pairs, d) of both sides."""
    if not len(texts):
        return 0.0
    right = np.zeros(len(texts))
    for left, others in ((texts, english), (english, texts)):
        for start in range(0, len(texts), 1024):
            nearest = (left[start : start + 1024] @ others.T).argmax(axis=1)
            right[start : start + 1024] += data.dev_english_of[nearest] == data.dev_english_of[start : start + 1024]
    langs = np.asarray(data.dev_langs)
    return float(np.mean([right[langs == lang].mean() / 2 for lang in np.unique(langs)]))
