"""From scored candidates to mined pairs: six ways to choose, a threshold in each."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from xret.stages.margin import Candidates

__all__ = ["RETRIEVALS", "Retrieval", "best_of", "extract", "most_pairs"]

Retrieval = Literal["max", "intersect", "forward", "backward", "union", "all"]
RETRIEVALS: tuple[Retrieval, ...] = get_args(Retrieval)


def extract(
    ahead: Candidates,
    back: Candidates,
    retrieval: Retrieval,
    *,
    threshold: float | None = None,
    best: int = 1,
    same: bool = False,
) -> Candidates:
    """Choose pairs by score.

    - forward: for each source sentence its best candidates; backward: for each target sentence.
    - intersect: pairs that are among the best of both their sentences.
    - union: pairs that are among the best of one of them.
    - max: the union by falling score, each pair kept whose sentences are both still free (one-to-one, as LASER's max).
    - all: every candidate of either side.

    Equal scores are decided by the smaller row of the source, then of the target.

    Args:
        ahead: candidates from the sources' lists.
        back: candidates from the targets' lists; a pair of both has the same score in both.
        retrieval: one of `RETRIEVALS`.
        threshold: keep pairs with ``score >= threshold``; None keeps all.
        best: how many candidates of a sentence are its best.
        same: source and target are one set of sentences, so that pairs have no direction: each comes once, the smaller
            row as its source, and in ``max`` a sentence is in one pair on whatever side.

    Returns:
        Distinct pairs by (score descending, source row, target row).
    """
    if retrieval == "all":
        chosen = _distinct(ahead + back)
    else:
        best_ahead = best_of(ahead, ahead.src, best) if retrieval != "backward" else ahead.take(np.empty(0, np.int64))
        best_back = best_of(back, back.tgt, best) if retrieval != "forward" else back.take(np.empty(0, np.int64))
        both = best_ahead + best_back
        chosen = _repeated(both) if retrieval == "intersect" else _distinct(both)
    if threshold is not None:
        chosen = chosen.take(chosen.score >= threshold)
    if same:
        chosen = _distinct(chosen.turned())
    return _one_to_one(chosen, same) if retrieval == "max" else chosen


def most_pairs(sources: int, targets: int, k: int, retrieval: Retrieval, best: int = 1) -> int:
    """How many pairs `extract` chooses at most, without a threshold, among k neighbours of every sentence."""
    return {
        "max": min(sources, targets),
        "intersect": best * min(sources, targets),
        "forward": best * sources,
        "backward": best * targets,
        "union": best * (sources + targets),
        "all": k * (sources + targets),
    }[retrieval]


def best_of(candidates: Candidates, owner: NDArray[np.int64], most: int) -> Candidates:
    """The first `most` candidates of each owner, by owner and (score descending, source, target).

    Args:
        candidates: p of them.
        owner: (p,) the sentence that each is a candidate of.
        most: of an owner.
    """
    order = np.lexsort((candidates.tgt, candidates.src, -candidates.score, owner))
    opens = np.ones(len(order), bool)
    opens[1:] = owner[order][1:] != owner[order][:-1]
    place = np.arange(len(order))
    within = place - np.maximum.accumulate(np.where(opens, place, 0))
    return candidates.take(order[within < most])


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


def _one_to_one(ordered: Candidates, same: bool) -> Candidates:
    """Greedy: walk down the scores, keep a pair whose sentences are both free."""
    src_taken = bytearray(int(max(ordered.src.max(initial=-1), ordered.tgt.max(initial=-1))) + 1)
    tgt_taken = src_taken if same else bytearray(len(src_taken))
    kept = np.zeros(len(ordered.src), bool)
    for place, (src, tgt) in enumerate(zip(ordered.src.tolist(), ordered.tgt.tolist(), strict=True)):
        if not src_taken[src] and not tgt_taken[tgt]:
            src_taken[src] = tgt_taken[tgt] = kept[place] = True
    return ordered.take(kept)
