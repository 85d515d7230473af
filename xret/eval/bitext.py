"""Precision, recall and F1 of mined sentence pairs, and the best threshold by the protocol of BUCC 2018."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import EvalError

__all__ = ["BitextScores", "best_threshold", "bitext_scores"]


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
    """Precision, recall and F1 of the pairs that reach a threshold.

    Args:
        pairs: `score, src_id, tgt_id`; a pair that stands several times counts once, with its best score.
        gold: a table `src_id, tgt_id`, or a set of such tuples.
        threshold: take pairs with ``score >= threshold``; None takes all.

    Raises:
        EvalError: gold is empty, or a score is NaN.
    """
    score, right, wanted = _match(pairs, gold)
    taken = np.ones(len(score), bool) if threshold is None else score >= threshold
    return _scores(int(right[taken].sum()), int(taken.sum()), wanted, threshold)


def best_threshold(pairs: pa.Table, gold: pa.Table | Set[tuple[str, str]]) -> BitextScores:
    """The threshold with the highest F1, and the scores it gives.

    F1 is taken after each *distinct* score of the pairs in descending order, so that equal scores are never parted; the
    first maximum wins; the threshold lies midway between its score and the next lower one, or at its score when that is
    the last (or when no number lies between).

    Source: LASER `tasks/bucc/bucc.py`, which parts equal scores and fails at the end of the list.

    Raises:
        EvalError: gold is empty, there are no pairs, or a score is NaN.
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


def _scores(correct: int, extracted: int, gold: int, threshold: float | None) -> BitextScores:
    precision = correct / extracted if extracted else 0.0
    f1 = 2 * correct / (extracted + gold)
    return BitextScores(precision, correct / gold, f1, threshold, correct, extracted, gold)


def _match(
    pairs: pa.Table, gold: pa.Table | Set[tuple[str, str]]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], int]:
    """Best score of each distinct pair, whether it is gold, and the number of distinct gold pairs."""
    if not isinstance(gold, pa.Table):
        gold = pa.table({"src_id": [src for src, _ in gold], "tgt_id": [tgt for _, tgt in gold]})
    if gold.num_rows == 0:
        raise EvalError("gold has no pairs; wanted lines of src_id and tgt_id")
    score = pairs["score"].cast(pa.float64()).to_numpy()
    if np.isnan(score).any():
        raise EvalError(f"pairs: the score of row {int(np.isnan(score).argmax()) + 1} is NaN; mend what made the pairs")
    key, wanted = _keys(pairs, gold)
    order = np.lexsort((-score, key))
    first = order[np.diff(key[order], prepend=-1) != 0]  # the best row of each pair, as the key sorts first
    first.sort()
    return score[first], np.isin(key[first], wanted), len(wanted)


def _keys(pairs: pa.Table, gold: pa.Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """One number >= 0 for each pair of ids: (rows of pairs,), and the distinct ones of gold."""
    codes, widths = [], []
    for name in ("src_id", "tgt_id"):
        both = pa.chunked_array([*_ids(pairs[name]), *_ids(gold[name])], pa.string())
        values = pc.unique(both)
        codes.append(pc.index_in(both, value_set=values).to_numpy().astype(np.int64))
        widths.append(len(values))
    key = codes[0] * widths[1] + codes[1]
    return key[: pairs.num_rows], np.unique(key[pairs.num_rows :])


def _ids(column: pa.ChunkedArray) -> list[pa.Array]:
    chunks: list[pa.Array] = column.cast(pa.string()).chunks
    return chunks
