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


def parse_measure(spelling: str) -> Measure:
    """The measure of a spelling such as ``nDCG@20``, ``AP``, ``R@100``.

    Raises:
        UsageError: no such measure, or a cutoff where none can be or none where one must be.
    """
    match = re.fullmatch(r"([A-Za-z]+)(?:@([1-9][0-9]{0,8}))?", spelling)
    if match is None or match[1] not in MEASURES:
        known = ", ".join(kind.usage() for kind in MEASURES.values())
        raise UsageError(f"unknown measure '{spelling}'{_near(spelling)}; known: {known}")
    return MEASURES[match[1]](int(match[2]) if match[2] else None)


def _near(spelling: str) -> str:
    name, at, cutoff = spelling.partition("@")
    names = {known.lower(): known for known in MEASURES} | {"map": "AP", "mrr": "RR", "recall": "R", "ndcg_cut": "nDCG"}
    near = difflib.get_close_matches(name.lower(), list(names), n=1)
    return f" (did you mean {names[near[0]]}{at}{cutoff}?)" if near else ""
