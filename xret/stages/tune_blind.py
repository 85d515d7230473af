"""Tuning without gold: thresholds and a map to P(parallel), from decoys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.bitext.calibration import (
    Calibration,
    Method,
    best_expected,
    column_values,
    expected_at,
    fit_blind,
    usual_columns,
)
from xret.bitext.negatives import EDITS
from xret.errors import EvalError, UsageError
from xret.margins import Margin
from xret.stages.decoys import ABSENT, KINDS, REAL

__all__ = ["BlindTuned", "tune_blind"]


@dataclass(frozen=True)
class BlindTuned:
    """What decoys gave.

    Attributes:
        calibration: map and thresholds.
        precision, recall, f1: expected of the pairs with P(parallel) >= `calibration.least`, recall among the pairs
            mined; between 0 and 1.
        parallel: the share of the mined pairs that is parallel, as estimated.
        pairs: number of mined pairs.
        passing: kind of decoy -> share of those that reach that P, each counted by the P of the pair that was spoilt;
            None where there are none.
    """

    calibration: Calibration
    precision: float
    recall: float
    f1: float
    parallel: float
    pairs: int
    passing: Mapping[str, float | None]


def tune_blind(
    decoys: pa.Table,
    *,
    margin: Margin,
    method: Method = "auto",
    near_misses: float | None = None,
    about: Mapping[str, Any] | None = None,
) -> BlindTuned:
    """Thresholds and probability map from real pairs and decoys.

    Sentences without a counterpart are what most wrong pairs are made of, and alone make the map. Translations that are
    wrong in a number, a name or a negation score nearly as right ones do: how many pass is counted, and the thresholds
    are raised on request.

    Args:
        decoys: what `xret.stages.decoys.Decoys` makes.
        margin: of its scores.
        method: of the map; isotonic reads the score alone.
        near_misses: raise the thresholds until at most this share of the changed translations passes.
        about: anything else to keep in the calibration.

    Raises:
        EvalError: too few decoys, or none that are changed translations where `near_misses` asks for them.
        UsageError: `near_misses` is not between 0 and 1.
    """
    columns, kinds = usual_columns(method, decoys), np.array(decoys["kind"].to_pylist(), object)
    values = {kind: column_values(decoys.filter(pa.array(kinds == kind)), columns) for kind in (REAL, *KINDS)}
    before = [f"origin_{name}" for name in columns]
    origins = {kind: column_values(decoys.filter(pa.array(kinds == kind)), before) for kind in KINDS}
    found = fit_blind(values[REAL], values[ABSENT], origins[ABSENT], columns=columns, method=method)
    read = len(found.probability.columns)
    likely = {kind: found.probability(each[:, :read]) for kind, each in values.items()}
    weight = {kind: found.probability(each[:, :read]) for kind, each in origins.items()}
    scores = {kind: each[:, 0] for kind, each in values.items()}
    least, threshold = best_expected(likely[REAL], likely[REAL]), best_expected(scores[REAL], likely[REAL])
    if near_misses is not None:
        least = max(least, _reached_by(near_misses, likely, weight))
        threshold = max(threshold, _reached_by(near_misses, scores, weight))
    expected = expected_at(likely[REAL], likely[REAL], least)
    passing = {
        kind: float(np.average(likely[kind] >= least, weights=weight[kind])) if weight[kind].sum() > 0 else None
        for kind in KINDS
    }
    pairs = len(values[REAL])
    fitted = {"on": "decoys", **(about or {}), "pairs": pairs, "parallel": found.parallel, "passing": passing}
    calibration = Calibration(found.probability, threshold, least, margin, fitted)
    return BlindTuned(calibration, *expected, found.parallel, pairs, passing)


def _reached_by(
    share: float, found: Mapping[str, NDArray[np.float64]], weight: Mapping[str, NDArray[np.float64]]
) -> float:
    """The lowest threshold that at most this share of the changed translations reaches."""
    if not 0 <= share <= 1:
        raise UsageError(f"near misses = {share}: wanted a share between 0 and 1, such as 0.1")
    values, counts = (np.concatenate([each[edit] for edit in EDITS]) for each in (found, weight))
    if not counts.sum() > 0:
        raise EvalError("no near misses could be made of these texts: no numbers, names or negations that are known")
    order = np.argsort(-values, kind="stable")
    most = int(np.searchsorted(np.cumsum(counts[order]), share * counts.sum(), "right"))
    return float(np.nextafter(values[order][most], np.inf)) if most < len(values) else -np.inf
