"""Small collections of token vectors, and MaxSim by brute force."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.indexes.multivector.tokens import ArrayTokens

Floats = NDArray[np.float32]
LANGUAGES = ("de", "en", "zh-Hant")


def unit(x: NDArray[np.floating]) -> Floats:
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12), np.float32)


def collection(documents: int = 300, *, dim: int = 24, seed: int = 0, first: int = 0, longest: int = 30) -> ArrayTokens:
    """Documents of tokens around 200 words; every 29th has none. Ids are "d0", "d1", … from `first` on."""
    rng = np.random.default_rng(seed)
    words = unit(np.random.default_rng(99).normal(size=(200, dim)))
    counts = rng.integers(3, longest, documents)
    counts[28::29] = 0
    word = rng.integers(0, 200, counts.sum())
    vectors = unit(words[word] + 0.6 * unit(rng.normal(size=(len(word), dim))))
    numbers = range(first, first + documents)
    table = pa.table(
        {
            "id": [f"d{number}" for number in numbers],
            "lang": [LANGUAGES[number % 3] for number in numbers],
            "doc_id": [f"D{number // 4}" for number in numbers],
            "text": [f"text of {number}" for number in numbers],
        }
    )
    return ArrayTokens(vectors, np.concatenate([[0], np.cumsum(counts)]), table)


def queries(source: ArrayTokens, count: int = 12, *, seed: int = 5) -> list[Floats]:
    """Noisy tokens of some documents, as long as a weight between a half and two."""
    rng = np.random.default_rng(seed)
    found = []
    for own in source.read(rng.choice(np.flatnonzero(np.diff(source.starts) > 3), count, replace=False)):
        some = unit(own[:8] + 0.4 * unit(rng.normal(size=own[:8].shape)))
        found.append(np.asarray(some * rng.uniform(0.5, 2, (len(some), 1)), np.float32))
    return found


def maxsim(source: ArrayTokens, query: Floats) -> Floats:
    """(documents,) by the definition, over the vectors themselves."""
    documents = source.read(np.arange(source.table.num_rows))
    if source.fade:
        documents = [
            np.asarray(own / np.sqrt(1 + np.arange(len(own)) / source.fade)[:, None], np.float32) for own in documents
        ]
    return np.array(
        [(query @ own.T).max(axis=1).sum() if len(own) else -float(len(query)) for own in documents], np.float32
    )


def agreement(found: Sequence[NDArray[np.int64]], true: Sequence[Floats], depth: int) -> float:
    """Mean share of the true best `depth` among those found."""
    best = [set(np.argsort(-scores, kind="stable")[:depth].tolist()) for scores in true]
    return float(np.mean([len(set(own[:depth].tolist()) & top) / depth for own, top in zip(found, best, strict=True)]))
