"""From margin scores to P(parallel): a map fitted once, kept as JSON, applied to any pairs mined the same way.

isotonic.py     the nondecreasing map, by pooling adjacent violators
logistic.py     the logistic map, of the score alone or of several columns
fitting.py      `fit_map`: which of the two, from labelled pairs
blind.py        `fit_blind`: without gold, from decoys
calibration.py  `Calibration`: map, threshold and where they come from, in a file; `with_probability`
"""

from xret.bitext.calibration.blind import Blind, best_expected, expected_at, fit_blind, parallel_share
from xret.bitext.calibration.calibration import PROBABILITY, Calibration, Scoring, margin_of
from xret.bitext.calibration.fitting import METHODS, Method, ProbabilityMap, column_values, fit_map, usual_columns
from xret.bitext.calibration.isotonic import Isotonic, fit_isotonic
from xret.bitext.calibration.logistic import Logistic, fit_logistic

__all__ = [
    "METHODS",
    "PROBABILITY",
    "Blind",
    "Calibration",
    "Isotonic",
    "Logistic",
    "Method",
    "ProbabilityMap",
    "Scoring",
    "best_expected",
    "column_values",
    "expected_at",
    "fit_blind",
    "fit_isotonic",
    "fit_logistic",
    "fit_map",
    "margin_of",
    "parallel_share",
    "usual_columns",
]
