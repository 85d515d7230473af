"""Measures of rankings with trec_eval's semantics; each is a value with one spelling, printed and parsed alike."""

from __future__ import annotations

import difflib
import re

from xret.errors import UsageError
from xret.eval.measures.average_precision import AveragePrecision
from xret.eval.measures.judged_share import JudgedShare
from xret.eval.measures.measure import Measure
from xret.eval.measures.ndcg import NDCG
from xret.eval.measures.precision import Precision, RPrecision, Success
from xret.eval.measures.recall import Recall
from xret.eval.measures.reciprocal_rank import ReciprocalRank

__all__ = [
    "MEASURES",
    "NDCG",
    "AveragePrecision",
    "JudgedShare",
    "Measure",
    "Precision",
    "RPrecision",
    "Recall",
    "ReciprocalRank",
    "Success",
    "parse_measure",
]

MEASURES: dict[str, type[Measure]] = {
    kind.name: kind
    for kind in (NDCG, AveragePrecision, Recall, ReciprocalRank, Precision, Success, JudgedShare, RPrecision)
}
CUTOFF = r"[1-9][0-9]{0,8}"  # [0-9], as \d would take digits of every script


def parse_measure(spelling: str) -> Measure:
    """The measure of a spelling such as ``nDCG@20``, ``AP``, ``R@100``.

    Raises:
        UsageError: no such measure, or a cutoff where none can be, none where one must be, or one that is no number
            from 1.
    """
    name, at, cutoff = spelling.partition("@")
    if name not in MEASURES:
        known = ", ".join(kind.usage() for kind in MEASURES.values())
        raise UsageError(f"unknown measure '{spelling}'{_near(name, at, cutoff)}; known: {known}")
    kind = MEASURES[name]
    if at and not re.fullmatch(CUTOFF, cutoff):
        wanted = "no cutoff" if kind.cuts == "never" else "k must be a whole number and at least 1"
        raise UsageError(f"measure {name} cannot be cut at '{cutoff}'; {wanted}, as in {kind.usage()}")
    return kind(int(cutoff) if at else None)


def _near(name: str, at: str, cutoff: str) -> str:
    """A question that names the measure meant, spelled so that it can be parsed."""
    names = {known.lower(): known for known in MEASURES} | {"map": "AP", "mrr": "RR", "recall": "R", "ndcg_cut": "nDCG"}
    near = difflib.get_close_matches(name.lower(), list(names), n=1)
    if not near:
        return ""
    kind = MEASURES[names[near[0]]]
    fits = kind.cuts != "never" and re.fullmatch(CUTOFF, cutoff) if at else kind.cuts != "always"
    return f" (did you mean {kind.name + at + cutoff if fits else kind.usage()}?)"
