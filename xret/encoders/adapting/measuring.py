"""How good vectors are on pairs that nothing was fitted to: retrieval among the pairs, and isotropy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LanguageScore", "Measured", "mean_cosine", "measure"]

Vectors = NDArray[np.float32]
Places = NDArray[np.int64]
_BLOCK = 1024
_MIXED = 50  # pairs of a language in the mixed pool


@dataclass(frozen=True, kw_only=True)
class LanguageScore:
    """Shares, of 1, of texts whose nearest neighbour is their translation."""

    pairs: int
    to_anchor: float  # from the language, among the English of all languages' pairs
    from_anchor: float  # from English, among the language's texts


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One set of vectors measured."""

    languages: dict[str, LanguageScore]
    accuracy: float  # mean over languages and both directions
    mixed: float  # to a translation among the texts of all languages and English in one pool; mean over languages
    mean_cosine: float  # of two different texts: 0 where vectors point in all directions alike


def measure(anchors: Vectors, texts: Vectors, anchor_of: Places, langs: NDArray[np.object_]) -> Measured:
    """Measure vectors of length 1.

    Args:
        anchors: (m, d), each English sentence once (or what texts were mapped to).
        texts: (n, d).
        anchor_of: (n,) the row in `anchors` of each text's translation.
        langs: (n,) the language of each text.
    """
    right = _nearest(texts, anchors) == anchor_of
    scores: dict[str, LanguageScore] = {}
    for lang in sorted(set(langs)):
        own = np.flatnonzero(langs == lang)
        back = anchor_of[own][_nearest(anchors[anchor_of[own]], texts[own])] == anchor_of[own]
        scores[lang] = LanguageScore(pairs=len(own), to_anchor=float(right[own].mean()), from_anchor=float(back.mean()))
    both = [(score.to_anchor + score.from_anchor) / 2 for score in scores.values()]
    return Measured(
        languages=scores, accuracy=float(np.mean(both)), mixed=_mixed(anchors, texts, anchor_of, langs),
        mean_cosine=mean_cosine(np.concatenate([anchors, texts])),
    )  # fmt: skip


def mean_cosine(rows: Vectors) -> float:
    """Of all pairs of two different rows of length 1: (|sum|² - n) / (n² - n)."""
    count, total = len(rows), rows.sum(axis=0, dtype=np.float64)
    return float((total @ total - (rows.astype(np.float64) ** 2).sum()) / (count * (count - 1))) if count > 1 else 0.0


def _nearest(queries: Vectors, pool: Vectors, itself: Places | None = None) -> Places:
    """The row of `pool` nearest each query, but for the one that `itself` names."""
    found = []
    for start in range(0, len(queries), _BLOCK):
        scores = queries[start : start + _BLOCK] @ pool.T
        if itself is not None:
            scores[np.arange(len(scores)), itself[start : start + _BLOCK]] = -np.inf
        found.append(scores.argmax(axis=1))
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _mixed(anchors: Vectors, texts: Vectors, anchor_of: Places, langs: NDArray[np.object_]) -> float:
    """From each text to a translation of it in any language, English and its own language among them."""
    chosen = np.concatenate([np.flatnonzero(langs == lang)[:_MIXED] for lang in sorted(set(langs))])
    used = np.unique(anchor_of[chosen])
    pool = np.concatenate([texts[chosen], anchors[used]])
    meaning = np.concatenate([anchor_of[chosen], used])
    nearest = _nearest(texts[chosen], pool, np.arange(len(chosen)))
    right = meaning[nearest] == anchor_of[chosen]
    return float(np.mean([right[langs[chosen] == lang].mean() for lang in sorted(set(langs))]))
