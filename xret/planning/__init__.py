"""Sizing: bytes, hours and machines that a job takes, by arithmetic from rates; every figure carries its formula.

span.py        a figure that is known as a range
rates.py       what hardware does a second: assumed, measured here, or given
measure.py     a short measurement of this machine
figures.py     one estimate with its formula and the rates in it
codecs.py      bytes of a vector's code
work.py        steps that mining and searching share
mining.py      sentence pairs of two sides
searching.py   an index of documents
checked.py     estimates beside searches that were measured, once or now
"""

from xret.planning.figures import Figure
from xret.planning.mining import MineJob, plan_mine
from xret.planning.rates import Rates, read_rates
from xret.planning.searching import SearchJob, plan_search

__all__ = ["Figure", "MineJob", "Rates", "SearchJob", "plan_mine", "plan_search", "read_rates"]
