"""Precision, recall and F1 of mined sentence pairs, and the best threshold by the protocol of BUCC 2018."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Set
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import EvalError, UsageError
from xret.runs import pair_codes

__all__ = ["BitextScores", "best_threshold", "bitext_scores", "check_gold"]

IDS = ("src_id", "tgt_id")
log = logging.getLogger("xret")


@dataclass(frozen=True)
class BitextScores:
    """What a set of pairs is worth.

    Attributes:
        precision, recall, f1: between 0 and 1; 0 where a divisor is 0.
        threshold: pairs with ``score >= threshold`` were taken; None: all.
        correct, extracted, gold: numbers of distinct pairs: right, taken, and to be found.
    """

    precision: float
    recall: float
    f1: float
    threshold: float | None
    correct: int
    extracted: int
    gold: int


def bitext_scores(
    pairs: pa.Table, gold: pa.Table | Set[tuple[str, str]], *, threshold: float | None = None
) -> BitextScores:
    """Precision, recall and F1 of the pairs that reach a threshold; all 0 where there are none.

    A warning is logged when gold shares no id with the pairs on one of the sides.

    Args:
        pairs: `score, src_id, tgt_id`; a pair that stands several times counts once, with its best score.
        gold: a table `src_id, tgt_id`, or a set of such tuples.
        threshold: take pairs with ``score >= threshold``; None takes all.

    Raises:
        EvalError: gold is empty or shares no id with the pairs, or a score is NaN.
        UsageError: the threshold is NaN.
    """
    if threshold is not None and math.isnan(threshold):
        raise UsageError("threshold is nan, which no score reaches; wanted a number")
    score, right, wanted = _match(pairs, gold, warn=True)
    taken = np.ones(len(score), bool) if threshold is None else score >= threshold
    return _scores(int(right[taken].sum()), int(taken.sum()), wanted, threshold)


def best_threshold(pairs: pa.Table, gold: pa.Table | Set[tuple[str, str]]) -> BitextScores:
    """The threshold with the highest F1, and the scores it gives.

    F1 is taken after each *distinct* score of the pairs in descending order, so that equal scores are never parted; the
    first maximum wins; the threshold lies midway between its score and the next lower one, or at its score when that is
    the last (or when no number lies between).

    Source: LASER `tasks/bucc/bucc.py`, which parts equal scores and fails at the end of the list.

    Raises:
        EvalError: gold is empty or shares no id with the pairs, there are no pairs, or a score is NaN.
    """
    score, right, wanted = _match(pairs, gold)
    if len(score) == 0:
        raise EvalError("no pairs to tune a threshold on; mine without a threshold first")
    order = np.argsort(-score, kind="stable")
    score, right = score[order], np.cumsum(right[order])
    ends = np.append(np.flatnonzero(score[1:] != score[:-1]), len(score) - 1)
    f1 = 2 * right[ends] / (ends + 1 + wanted)  # = 2PR / (P + R)
    best = int(np.argmax(f1))
    end = int(ends[best])
    threshold = float(score[end])
    if end + 1 < len(score):
        below = float(score[end + 1])
        middle = below + (threshold - below) / 2
        threshold = middle if middle > below else threshold
    return _scores(int(right[end]), end + 1, wanted, threshold)


def check_gold(gold: pa.Table, src_ids: pa.ChunkedArray, tgt_ids: pa.ChunkedArray) -> None:
    """Before hours of mining: is gold about these corpora? A warning is logged when it is for one side only.

    Args:
        gold: `src_id, tgt_id`.
        src_ids: the ids of the source corpus.
        tgt_ids: the ids of the target corpus.

    Raises:
        EvalError: none of gold's ids is among those of the corpora.
    """
    found = {"src_id": src_ids.cast(pa.string()), "tgt_id": tgt_ids.cast(pa.string())}
    if said := _foreign(_ids(gold), found, "the corpora"):
        log.warning(said)


def _scores(correct: int, extracted: int, gold: int, threshold: float | None) -> BitextScores:
    precision = correct / extracted if extracted else 0.0
    f1 = 2 * correct / (extracted + gold)
    return BitextScores(precision, correct / gold, f1, threshold, correct, extracted, gold)


def _match(
    pairs: pa.Table, gold: pa.Table | Set[tuple[str, str]], *, warn: bool = False
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], int]:
    """Best score of each distinct pair, whether it is gold, and the number of distinct gold pairs."""
    wanted = _ids(gold)
    if wanted.num_rows == 0:
        raise EvalError("gold has no pairs; wanted lines of src_id and tgt_id")
    score = pairs["score"].cast(pa.float64()).to_numpy()
    if np.isnan(score).any():
        raise EvalError(f"pairs: the score of row {int(np.isnan(score).argmax()) + 1} is NaN; mend what made the pairs")
    found = _ids(pairs)
    if (said := _foreign(wanted, found, "the pairs")) and warn:
        log.warning(said)
    both = pa.concat_tables([found, wanted])
    code = pair_codes(both["src_id"], both["tgt_id"])
    key, right = code[: len(score)], np.unique(code[len(score) :])
    order = np.lexsort((-score, key))
    first = order[np.diff(key[order], prepend=-1) != 0]  # the best row of each pair, as the key sorts first
    first.sort()
    return score[first], np.isin(key[first], right), len(right)


def _ids(pairs: pa.Table | Set[tuple[str, str]]) -> pa.Table:
    """`src_id, tgt_id: string` of a table or a set."""
    if not isinstance(pairs, pa.Table):
        pairs = pa.table({name: pa.array([pair[side] for pair in pairs], pa.string()) for side, name in enumerate(IDS)})
    return pa.table({name: pairs[name].cast(pa.string()) for name in IDS})


def _foreign(gold: pa.Table, found: Mapping[str, pa.ChunkedArray] | pa.Table, where: str) -> str | None:
    """What to say when gold's ids of one side are all unknown (None: both sides share some); raises when both are."""
    if not all(len(found[name]) for name in IDS):
        return None  # nothing was found: that is no matter of spelling
    foreign = [name for name in IDS if not pc.any(pc.is_in(gold[name], value_set=pc.unique(found[name]))).as_py()]
    if not foreign:
        return None
    sides = "; ".join(f"{name}: gold has {_some(gold[name])}, {where} {_some(found[name])}" for name in foreign)
    shared = f"share no {foreign[0]}" if len(foreign) == 1 else "share no id of either side"
    said = f"gold and {where} {shared}, so no pair can be right ({sides})"
    if len(foreign) == 2:
        raise EvalError(f"{said}; check that gold is of these texts, spells ids alike and names the source first")
    return said


def _some(ids: pa.ChunkedArray) -> str:
    distinct = pc.unique(ids)
    return f"{len(distinct):,} such as {', '.join(map(repr, distinct[:2].to_pylist()))}"
