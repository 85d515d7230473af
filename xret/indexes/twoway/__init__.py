"""Exact k-nearest neighbours between two sets of vectors, in both directions at once.

`two_way_knn` computes each block of similarities once and lets it serve both directions, where two ordinary searches
compute the whole matrix twice. The block product is only a filter: candidates are scored again by one fixed summation,
so ids and values do not depend on block sizes, threads or the kind of arithmetic the filter uses.
"""

from xret.indexes.twoway.knn import Neighbours, TwoWay, two_way_knn
from xret.indexes.twoway.rows import Rows, Selection, as_rows, first_of_equal, select
from xret.indexes.twoway.similarity import BlockSimilarity, Float32Similarity, pair_cosines

__all__ = [
    "BlockSimilarity",
    "Float32Similarity",
    "Neighbours",
    "Rows",
    "Selection",
    "TwoWay",
    "as_rows",
    "first_of_equal",
    "pair_cosines",
    "select",
    "two_way_knn",
]
