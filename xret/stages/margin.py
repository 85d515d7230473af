"""From neighbour lists to pairs scored by margin (see `xret.margins`); a pair counts in its own sentences' means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xret.indexes.twoway import Neighbours
from xret.margins import MARGINS, Margin, margin_scores

__all__ = [
    "DEFAULT_THRESHOLDS",
    "MARGINS",
    "Candidates",
    "Lists",
    "Margin",
    "margin_scores",
    "scored",
    "scored_lists",
    "without_copies",
]

DEFAULT_THRESHOLDS: dict[Margin, float] = {"ratio": 1.13, "distance": 0.09, "absolute": 0.63}
"""What ``--threshold auto`` means without gold: the medians of xret-mini's best thresholds on seven pairs of languages
(manual paragraphs, 42 % parallel). Other encoders and collections want other ones: tune on gold where there is any."""


@dataclass(frozen=True)
class Lists:
    """Neighbours whose lists may end early: `valid` (n, k) bool, true at the left; the rest of a row is nobody."""

    ids: NDArray[np.int64]
    cosines: NDArray[np.float32]
    valid: NDArray[np.bool_]

    def means(self) -> NDArray[np.float64]:
        """(n,) the mean cosine of each list, summed in float64; 0 for an empty one."""
        total = np.where(self.valid, self.cosines, 0).astype(np.float64).sum(axis=1)
        mean: NDArray[np.float64] = total / np.maximum(self.valid.sum(axis=1), 1)
        return mean


@dataclass(frozen=True)
class Candidates:
    """Pairs that may be mined: `src`, `tgt` (p,) int64, `cosine` (p,) float32, `score` (p,) float64."""

    src: NDArray[np.int64]
    tgt: NDArray[np.int64]
    cosine: NDArray[np.float32]
    score: NDArray[np.float64]

    def take(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> Candidates:
        """Some of them, in the order given."""
        return Candidates(self.src[which], self.tgt[which], self.cosine[which], self.score[which])

    def turned(self) -> Candidates:
        """Every pair with its smaller row as the source."""
        return Candidates(np.minimum(self.src, self.tgt), np.maximum(self.src, self.tgt), self.cosine, self.score)

    def __add__(self, other: Candidates) -> Candidates:
        """These, then the others."""
        return Candidates(
            np.concatenate([self.src, other.src]),
            np.concatenate([self.tgt, other.tgt]),
            np.concatenate([self.cosine, other.cosine]),
            np.concatenate([self.score, other.score]),
        )


def without_copies(
    found: Neighbours, k: int, own_keys: NDArray[np.int64] | None = None, other_keys: NDArray[np.int64] | None = None
) -> Lists:
    """The first `k` neighbours of each row that are not its copies (equal keys; no keys: no copies)."""
    if own_keys is None or other_keys is None:
        ids, cosines = found.ids[:, :k], found.cosines[:, :k]
        return Lists(ids, cosines, np.ones(ids.shape, bool))
    copy = own_keys[:, None] == other_keys[found.ids]
    order = np.argsort(copy, axis=1, kind="stable")[:, :k]
    ids, cosines, valid = (np.take_along_axis(values, order, 1) for values in (found.ids, found.cosines, ~copy))
    return Lists(ids, cosines, valid)


def scored_lists(
    forward: Lists, backward: Lists, margin: Margin, *, tgt_means: NDArray[np.float64] | None = None
) -> tuple[Candidates, Candidates, NDArray[np.float64], NDArray[np.float64]]:
    """The pairs of all forward lists and of all backward lists, scored; and the means of the source and target side.

    Args:
        forward: neighbours of the sources.
        backward: neighbours of the targets.
        margin: one of `MARGINS`.
        tgt_means: (targets,) to take in place of the means of `backward`; NaN where that has the better one.
    """
    src_mean, tgt_mean = forward.means(), backward.means()
    if tgt_means is not None:
        tgt_mean = np.where(np.isnan(tgt_means), tgt_mean, tgt_means)
    src, at = np.nonzero(forward.valid)
    ahead = scored(src, forward.ids[src, at], forward.cosines[src, at], src_mean, tgt_mean, margin)
    tgt, at = np.nonzero(backward.valid)
    back = scored(backward.ids[tgt, at], tgt, backward.cosines[tgt, at], src_mean, tgt_mean, margin)
    return ahead, back, src_mean, tgt_mean


def scored(
    src: NDArray[np.int64],
    tgt: NDArray[np.int64],
    cosine: NDArray[np.float32],
    src_mean: NDArray[np.float64],
    tgt_mean: NDArray[np.float64],
    margin: Margin,
) -> Candidates:
    """(p,) pairs with their cosines, scored by the means (sources,) and (targets,) of both sides."""
    return Candidates(src, tgt, cosine, margin_scores(cosine, src_mean[src], tgt_mean[tgt], margin))
