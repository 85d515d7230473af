"""Tuning on gold: thresholds and a map to P(parallel), by the protocol of BUCC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from xret.bitext.calibration import (
    Calibration,
    Method,
    Scoring,
    fit_map,
    margin_of,
    usual_columns,
)
from xret.errors import EvalError
from xret.eval.bucc import BuccScores, bucc, dev_part, gold_labels
from xret.eval.probabilities import ProbabilityScores, probability_scores
from xret.stages.stage import Stage

__all__ = ["Parts", "Tune", "Tuned", "split", "tune_on_gold"]


@dataclass(frozen=True)
class Parts:
    """Pairs (`score, src_id, tgt_id`) and gold (`src_id, tgt_id`) to tune on, and others to report on."""

    dev_pairs: pa.Table
    dev_gold: pa.Table
    test_pairs: pa.Table
    test_gold: pa.Table


@dataclass(frozen=True)
class Tuned:
    """What gold gave.

    Attributes:
        calibration: of dev.
        bucc: dev and test at the threshold of the score.
        by_probability: dev and test at the threshold of P(parallel).
        probability: how good P(parallel) is on test.
    """

    calibration: Calibration
    bucc: BuccScores
    by_probability: BuccScores
    probability: ProbabilityScores


def split(pairs: pa.Table, gold: pa.Table, *, dev_share: float = 0.5, seed: int = 0) -> Parts:
    """Part one set of pairs in two by source ids (see `xret.eval.bucc.dev_part`).

    Raises:
        EvalError: a part is left without pairs or without gold.
        UsageError: the share is not between 0 and 1.
    """
    dev = [dev_part(table["src_id"], share=dev_share, seed=seed) for table in (pairs, gold)]
    tables = [table.filter(pa.array(part)) for part, table in zip(dev, (pairs, gold), strict=True)]
    tables += [table.filter(pa.array(~part)) for part, table in zip(dev, (pairs, gold), strict=True)]
    if not all(table.num_rows for table in tables):
        raise EvalError(
            f"{pairs.num_rows:,} pairs and {gold.num_rows:,} in gold are too few to tune on some and report on others; "
            f"give more, or another set to report on"
        )
    return Parts(*tables)


def tune_on_gold(
    parts: Parts,
    *,
    method: Method = "auto",
    columns: tuple[str, ...] = (),
    margin: Scoring | None = None,
    about: Mapping[str, Any] | None = None,
) -> Tuned:
    """Thresholds (BUCC protocol) and probability map, all from dev; what they are worth on test.

    A pair that is not in gold counts as wrong. Where gold is partial, P(parallel) is thus a lower bound.

    Args:
        parts: pairs with what `columns` names.
        method: of the map (see `xret.bitext.calibration.fit_map`).
        columns: what the map reads; none: `usual_columns`.
        margin: of the scores, where the pairs do not tell (see `xret.bitext.calibration.margin_of`).
        about: anything else to keep in the calibration.

    Raises:
        EvalError: no gold, gold of other ids, no pairs, or pairs of one kind only.
        MismatchError: scores by another margin than `margin`.
        UsageError, InputError: as `fit_map`.
    """
    columns = columns or usual_columns(method, parts.dev_pairs, parts.test_pairs)
    scores = bucc(parts.dev_pairs, parts.dev_gold, parts.test_pairs, parts.test_gold)  # first: it says what is foreign
    labels = gold_labels(parts.dev_pairs, parts.dev_gold).astype(np.float64)
    probability = fit_map(parts.dev_pairs, labels, method=method, columns=columns)
    drafted = Calibration(probability, _limit(scores), 0.0, margin_of(parts.dev_pairs) or margin)
    tables = parts.dev_pairs, parts.test_pairs
    likely = [drafted.probabilities(pairs, margin=margin) for pairs in tables]
    by_p = [
        pairs.select(["src_id", "tgt_id"]).append_column("score", pa.chunked_array([pa.array(values)]))
        for pairs, values in zip(tables, likely, strict=True)
    ]
    found = bucc(by_p[0], parts.dev_gold, by_p[1], parts.test_gold)
    fitted = {"on": "gold", **(about or {}), "dev": asdict(scores.dev), "test": asdict(scores.test)}
    calibration = replace(drafted, least=_limit(found), fitted=fitted)
    quality = probability_scores(likely[1], gold_labels(parts.test_pairs, parts.test_gold))
    return Tuned(calibration, scores, found, quality)


def _limit(scores: BuccScores) -> float:
    return scores.dev.threshold if scores.dev.threshold is not None else -np.inf  # best_threshold always has one


@dataclass(frozen=True, kw_only=True)
class Tune(Stage):
    """What a threshold tuned on one half of the pairs is worth on the other (BUCC protocol).

    Output: `measure: string, slice: string, pairs: int64, value: float64`; slices ``dev`` (variant b) and ``test``
    (variant a) at a threshold of the score, ``dev:P`` and ``test:P`` at one of P(parallel); measures ``precision``,
    ``recall``, ``F1`` and ``threshold``; on test also ``F1:low`` and ``F1:high`` (95 % interval), and, for ``test:P``,
    ``log-loss``, ``brier`` and ``calibration-error``.
    """

    name = "tune"
    version = 2
    inputs = ("pairs", "gold")
    output = "report"

    method: Method = "auto"
    columns: tuple[str, ...] = ()
    dev_share: float = 0.5
    seed: int = 0

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The report on pairs, given gold."""
        parts = split(*values, dev_share=self.dev_share, seed=self.seed)
        tuned = tune_on_gold(parts, method=self.method, columns=tuple(self.columns))
        rows = list(_rows("", tuned.bucc)) + list(_rows(":P", tuned.by_probability))
        quality = asdict(tuned.probability)
        for name in ("log_loss", "brier", "calibration_error"):
            rows.append((name.replace("_", "-"), "test:P", parts.test_pairs.num_rows, quality[name]))
        columns = zip(*rows, strict=True)
        return pa.table(dict(zip(("measure", "slice", "pairs", "value"), map(list, columns), strict=True)))


def _rows(mark: str, found: BuccScores) -> Iterator[tuple[str, str, int, float]]:
    for where, scores in (("dev", found.dev), ("test", found.test)):
        values = {"precision": scores.precision, "recall": scores.recall, "F1": scores.f1, "threshold": _limit(found)}
        values |= {"F1:low": found.low, "F1:high": found.high} if where == "test" else {}
        for measure, value in values.items():
            yield measure, where + mark, scores.extracted, value
