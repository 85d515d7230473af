"""From scored candidates to mined pairs: six ways to choose, a threshold in each."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from xret.stages.margin import Candidates

__all__ = ["RETRIEVALS", "Retrieval", "extract"]

Retrieval = Literal["max", "intersect", "forward", "backward", "union", "all"]
RETRIEVALS: tuple[Retrieval, ...] = get_args(Retrieval)


def extract(ahead: Candidates, back: Candidates, retrieval: Retrieval, *, threshold: float | None = None) -> Candidates:
    """Choose pairs by score.

    - forward: for each source sentence its best candidate; backward: for each target sentence.
    - intersect: pairs that are the best of both their sentences.
    - union: pairs that are the best of one of them.
    - max: the union by falling score, each pair kept whose sentences are both still free (one-to-one, as LASER's max).
    - all: every candidate of either side.

    Equal scores are decided by the smaller row of the source, then of the target.

    Args:
        ahead: candidates from the sources' lists.
        back: candidates from the targets' lists; a pair of both has the same score in both.
        retrieval: one of `RETRIEVALS`.
        threshold: keep pairs with ``score >= threshold``; None keeps all.

    Returns:
        Distinct pairs by (score descending, source row, target row).
    """
    if retrieval == "all":
        chosen = _distinct(ahead + back)
    else:
        best_ahead = _best(ahead, ahead.src) if retrieval != "backward" else ahead.take(np.empty(0, np.int64))
        best_back = _best(back, back.tgt) if retrieval != "forward" else back.take(np.empty(0, np.int64))
        both = best_ahead + best_back
        chosen = _repeated(both) if retrieval == "intersect" else _distinct(both)
    if threshold is not None:
        chosen = chosen.take(chosen.score >= threshold)
    return _one_to_one(chosen) if retrieval == "max" else chosen


def _best(candidates: Candidates, owner: NDArray[np.int64]) -> Candidates:
    """The first candidate of each owner by (score descending, source, target)."""
    order = np.lexsort((candidates.tgt, candidates.src, -candidates.score, owner))
    opens = np.ones(len(order), bool)
    opens[1:] = owner[order][1:] != owner[order][:-1]
    return candidates.take(order[opens])


def _sorted(candidates: Candidates) -> tuple[Candidates, NDArray[np.bool_]]:
    """By (score descending, source, target), and which of them repeat the one before."""
    ordered = candidates.take(np.lexsort((candidates.tgt, candidates.src, -candidates.score)))
    repeats = np.zeros(len(ordered.src), bool)
    repeats[1:] = (ordered.src[1:] == ordered.src[:-1]) & (ordered.tgt[1:] == ordered.tgt[:-1])
    return ordered, repeats


def _distinct(candidates: Candidates) -> Candidates:
    ordered, repeats = _sorted(candidates)
    return ordered.take(~repeats)


def _repeated(candidates: Candidates) -> Candidates:
    ordered, repeats = _sorted(candidates)
    return ordered.take(repeats)


def _one_to_one(ordered: Candidates) -> Candidates:
    """Greedy: walk down the scores, keep a pair whose sentences are both free."""
    src_taken = bytearray(int(ordered.src.max(initial=-1)) + 1)
    tgt_taken = bytearray(int(ordered.tgt.max(initial=-1)) + 1)
    kept = np.zeros(len(ordered.src), bool)
    for place, (src, tgt) in enumerate(zip(ordered.src.tolist(), ordered.tgt.tolist(), strict=True)):
        if not src_taken[src] and not tgt_taken[tgt]:
            src_taken[src] = tgt_taken[tgt] = kept[place] = True
    return ordered.take(kept)
