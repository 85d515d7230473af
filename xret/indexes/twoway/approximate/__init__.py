"""Approximate neighbours in both directions, for sizes at which comparing all pairs is hopeless.

factories.py  exact, auto, or a FAISS factory
listmajor.py  inverted lists compared whole, as blocks
coded.py      a FAISS index of codes, whose candidates are scored again
knn.py        the search: samples, probes, recall
spread.py     the same by an engine
"""

from xret.indexes.twoway.approximate.factories import check_search, parse_search
from xret.indexes.twoway.approximate.knn import Approximate, approximate_knn

__all__ = ["Approximate", "approximate_knn", "check_search", "parse_search"]
