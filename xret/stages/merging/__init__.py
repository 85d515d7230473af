"""One fair list out of lists in many languages.

normalise.py   scores of groups of rows brought to one scale: z-scores, min-max
lists.py       `Lists`: a run seen as one list for every query and language
languages.py   languages that a run does not say, from its other rows, the corpus, the queries
orders.py      methods that look at ranks alone: RRF, round robin, quota by a prior
relevance.py   `RelevanceMap`: P(relevant | score, rank) for every language, fitted on judged queries, kept as JSON
origin.py      what such a map was fitted on, so that it is not put on other scores
folds.py       `cross_fitted`: the same, every query by a map fitted on others
calibrate.py   `calibrate_run`: all of them by name
offsets.py     where a language's vectors lie besides their meaning: centring, SHIFT
"""

from xret.stages.merging.calibrate import CALIBRATIONS, Calibration, calibrate_run
from xret.stages.merging.folds import cross_fitted
from xret.stages.merging.languages import with_languages
from xret.stages.merging.relevance import RelevanceMap, fit_relevance

__all__ = [
    "CALIBRATIONS",
    "Calibration",
    "RelevanceMap",
    "calibrate_run",
    "cross_fitted",
    "fit_relevance",
    "with_languages",
]
