"""How fair one ranked list is to the languages of its documents.

found.py     `Found`: where the relevant documents of every language stand, and what stands first
chi2.py      the tail of the chi-squared distribution
peer.py      PEER: are relevant documents of all languages expected at the same rank?
exposure.py  AWRF: does every language get its share of the reader's attention?
parallel.py  what parallel documents tell: order of languages, distance of ranks, preference for the query's own
report.py    `fairness`: all of them, and what each language gets
preference.py   the language of the first relevant document; right or wrong text and language at the top
correlation.py  MRC: the rankings of translations of one query
study.py     `study`: `fairness` and these two
"""

from xret.eval.fairness.found import Found, find
from xret.eval.fairness.report import FairnessScores, fairness
from xret.eval.fairness.study import Study, meanings, study

__all__ = ["FairnessScores", "Found", "Study", "fairness", "find", "meanings", "study"]
