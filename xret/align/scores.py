"""How much of a gold alignment was found (strict and lax precision and recall, Sagot & Pak 2011, W11-4624)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["AlignmentScores", "Runs", "alignment_scores"]

Runs: TypeAlias = tuple[tuple[Hashable, ...], tuple[Hashable, ...]]
"""The source and target segments of a bead, by number or by id; one side is empty where segments were skipped."""


@dataclass(frozen=True)
class AlignmentScores:
    """Strict: a bead is right if gold has the very same. Lax: if it shares a pair of segments with one of gold.

    Attributes:
        precision, recall, f1: strict, between 0 and 1; 0 where a divisor is 0.
        lax_precision, lax_recall, lax_f1: the same, lax.
        correct, found, gold: numbers of beads: strictly right, found, and in gold, skips among them where given.
    """

    precision: float
    recall: float
    f1: float
    lax_precision: float
    lax_recall: float
    lax_f1: float
    correct: int
    found: int
    gold: int


def alignment_scores(found: Iterable[Runs], gold: Iterable[Runs]) -> AlignmentScores:
    """Precision, recall and F1 of the beads found.

    Beads that skip segments count in precision, where gold has to have them too, and not in recall: Vecalign's rule.
    Leave them out on both sides to score translated segments alone.

    Args:
        found: the beads of all documents; segments of different documents must have different names.
        gold: what they should be.
    """
    tried, wanted = _beads(found), _beads(gold)
    translated = {bead for bead in wanted if all(bead)}
    right, near = _matches(tried, wanted)
    recalled, touched = _matches(translated, {bead for bead in tried if all(bead)})
    precision, recall = _share(right, len(tried)), _share(recalled, len(translated))
    lax_precision, lax_recall = _share(near, len(tried)), _share(touched, len(translated))
    return AlignmentScores(
        precision, recall, _f1(precision, recall), lax_precision, lax_recall, _f1(lax_precision, lax_recall),
        right, len(tried), len(wanted),
    )  # fmt: skip


def _beads(beads: Iterable[Runs]) -> set[Runs]:
    return {(tuple(src), tuple(tgt)) for src, tgt in beads if src or tgt}


def _matches(some: set[Runs], others: set[Runs]) -> tuple[int, int]:
    """How many of `some` are among the others, and how many share a pair of segments with one of them."""
    links: defaultdict[Hashable, set[Hashable]] = defaultdict(set)
    for src, tgt in others:
        for segment in src:
            links[segment].update(tgt)
    same = some & others
    near = sum(1 for bead in some - same if _touches(bead, links))
    return len(same), len(same) + near


def _touches(bead: Runs, links: defaultdict[Hashable, set[Hashable]]) -> bool:
    tgt = bead[1]
    return any(not links[segment].isdisjoint(tgt) for segment in bead[0] if segment in links)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
