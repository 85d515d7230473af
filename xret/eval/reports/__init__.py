"""What an evaluation comes to, as a report (`xret.reports`): for people, beside the numbers for programs.

ideal.py          which end of a measure is the good one
systems.py        `System`: one run, or one scored row, to report on
summary.py        means with intervals
by_language.py    means per language of the query, as bars with intervals
matrix.py         language of the query × language of the document
spreads.py        scores by language of the document
chances.py        what a score means: share of relevant documents by score, for every language
grid.py           systems × systems: differences and corrected p-values
fair.py           fairness to languages
beside.py         published numbers of the same protocol
evaluation.py     `evaluation_report`, of runs
rows.py           `rows_report`, of scored rows
pairs.py          `pairs_report`: margins, precision and recall of mined pairs
calibrations.py   `calibrations_report`: effectiveness against fairness
provenance.py     versions, hardware, date
"""

from xret.eval.reports.calibrations import Calibrated, calibrations_report
from xret.eval.reports.evaluation import evaluation_report
from xret.eval.reports.pairs import pairs_report
from xret.eval.reports.provenance import provenance, today
from xret.eval.reports.rows import rows_report
from xret.eval.reports.systems import System

__all__ = [
    "Calibrated",
    "System",
    "calibrations_report",
    "evaluation_report",
    "pairs_report",
    "provenance",
    "rows_report",
    "today",
]
