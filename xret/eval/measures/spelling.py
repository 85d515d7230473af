"""Names of measures: from a spelling to a measure, and what to say of one that is none."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from xret.errors import UsageError
from xret.eval.measures.alpha_ndcg import AlphaNDCG
from xret.eval.measures.average_precision import AveragePrecision
from xret.eval.measures.bpref import BinaryPreference
from xret.eval.measures.judged_share import JudgedShare
from xret.eval.measures.measure import Measure
from xret.eval.measures.ndcg import NDCG
from xret.eval.measures.precision import Precision, RPrecision, Success
from xret.eval.measures.rbp import RankBiasedPrecision
from xret.eval.measures.recall import Recall
from xret.eval.measures.reciprocal_rank import ReciprocalRank

__all__ = ["MEASURES", "from_level", "parse_measure"]

MEASURES: dict[str, type[Measure]] = {
    kind.name: kind
    for kind in (
        NDCG, AveragePrecision, Recall, ReciprocalRank, Precision, Success, JudgedShare, RPrecision, BinaryPreference,
        RankBiasedPrecision, AlphaNDCG,
    )
}  # fmt: skip
CUTOFF = r"[1-9][0-9]{0,8}"  # [0-9], as \d would take digits of every script
PARSERS = {"rel": int, "p": float, "alpha": float}
MEANT = {"map": "AP", "mrr": "RR", "recall": "R", "ndcg_cut": "nDCG", "ndcg'": "nDCG:judged", "map'": "AP:judged",
         "ap'": "AP:judged", "alpha_ndcg": "alpha-nDCG", "a-ndcg": "alpha-nDCG"}  # fmt: skip


def parse_measure(spelling: str) -> Measure:
    """The measure of a spelling such as ``nDCG@20``, ``AP``, ``R@100``, ``nDCG:judged@20``, ``RBP:p=0.8``.

    Raises:
        UsageError: no such measure, a cutoff where none can be, none where one must be, or one that is no number from
            1; a parameter that the measure does not have; or a spelling that is not the one which is printed.
    """
    head, at, cutoff = spelling.partition("@")
    name, colon, said = head.partition(":")
    if re.fullmatch(r"R@[1-9][0-9]*kt", spelling):
        raise UsageError(f"measure {spelling} looks for answers in texts, not for judged documents; see score_answers")
    if name not in MEASURES:
        known = ", ".join(kind.usage() for kind in MEASURES.values())
        raise UsageError(f"unknown measure '{spelling}'{_near(head, at, cutoff)}; known: {known}")
    kind = MEASURES[name]
    if at and not re.fullmatch(CUTOFF, cutoff):
        wanted = "no cutoff" if kind.cuts == "never" else "k must be a whole number and at least 1"
        raise UsageError(f"measure {name} cannot be cut at '{cutoff}'; {wanted}, as in {kind.usage()}")
    measure = kind(int(cutoff) if at else None, **(_parameters(kind, said, spelling) if colon else {}))
    if str(measure) != spelling:
        raise UsageError(f"measure '{spelling}' is spelled '{measure}'")
    return measure


def from_level(measures: Iterable[Measure | str], level: int) -> tuple[Measure, ...]:
    """The measures with `level` as the least relevance that counts, where they have one and do not say another.

    trec_eval's ``-l``; nDCG, which knows gains, stays as it is.

    Raises:
        UsageError: level below 1.
    """
    parsed = (measure if isinstance(measure, Measure) else parse_measure(measure) for measure in measures)
    return tuple(replace(one, rel=level) if "rel" in one.takes and one.rel == 1 else one for one in parsed)


def _parameters(kind: type[Measure], said: str, spelling: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in said.split(","):
        name, equals, value = one.partition("=")
        if name not in kind.takes:
            takes = ", ".join(kind.takes) or "none"
            raise UsageError(f"measure {kind.name} has no parameter '{name}' (in '{spelling}'); it has: {takes}")
        try:
            found[name] = PARSERS[name](value) if name in PARSERS else _flag(equals)
        except ValueError as error:
            wanted = "a number" if name in PARSERS else "no value"
            raise UsageError(f"measure '{spelling}': {name} is '{value}', wanted {wanted}") from error
    return found


def _flag(equals: str) -> bool:
    if equals:
        raise ValueError(equals)
    return True


def _near(name: str, at: str, cutoff: str) -> str:
    """A question that names the measure meant, spelled so that it can be parsed."""
    names = {known.lower(): known for known in MEASURES} | MEANT
    near = difflib.get_close_matches(name.lower().partition("(")[0], list(names), n=1)
    if not near:
        return ""
    meant = names[near[0]]
    kind = MEASURES[meant.partition(":")[0]]
    fits = kind.cuts != "never" and re.fullmatch(CUTOFF, cutoff) if at else kind.cuts != "always"
    if fits and kind is not RankBiasedPrecision:
        return f" (did you mean {meant + at + cutoff}?)"
    return f" (did you mean {kind.usage()}?)"
