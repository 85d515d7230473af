"""How fair one ranked list is to the languages of its documents.

found.py     `Found`: where the relevant documents of every language stand, and what stands first
chi2.py      the tail of the chi-squared distribution
peer.py      PEER: are relevant documents of all languages expected at the same rank?
exposure.py  AWRF: does every language get its share of the reader's attention?
parallel.py  what parallel documents tell: order of languages, distance of ranks, preference for the query's own
report.py    `fairness`: all of them, and what each language gets
"""

from xret.eval.fairness.found import Found, find
from xret.eval.fairness.report import FairnessScores, fairness

__all__ = ["FairnessScores", "Found", "fairness", "find"]
