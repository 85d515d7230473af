"""Sentences that say something else by a small change: wrong translations that look right.

numbers.py    another number
entities.py   another name, taken from elsewhere in the same texts
negation.py   "is" for "is not" and back, in languages with a table (negation.tsv)
making.py     `make_negatives`: one of each kind for each text that allows it
"""

from xret.bitext.negatives.making import EDITS, Edit, Negatives, make_negatives

__all__ = ["EDITS", "Edit", "Negatives", "make_negatives"]
