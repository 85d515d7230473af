"""Exact k-nearest neighbours between two sets of vectors, in both directions at once.

`two_way_knn` computes each block of similarities once and lets it serve both directions, where two ordinary searches
compute the whole matrix twice. The block product is only a filter: candidates are scored again by one fixed summation,
so ids and values do not depend on block sizes, threads or the kind of arithmetic the filter uses.

rows.py        sets of vectors, read in blocks
sides.py       a set without its repetitions; neighbours
plan.py        block sizes by arithmetic and memory
filters/       which pairs of two blocks may matter: float32, bytes, a GPU
blockpass.py   one pass over rows and columns; topk.py the lists it feeds
search.py      a search in one piece or in spans; knn.py in one call
checkpoint.py  what is done, on disk, to go on from
shards.py      neighbours as a folder, and shards of them joined
approximate/   inverted lists and codes, where comparing all pairs is hopeless
"""

from xret.indexes.twoway.filters.similarity import BlockSimilarity, Float32Similarity, pair_cosines
from xret.indexes.twoway.knn import two_way_knn
from xret.indexes.twoway.rows import Rows, Selection, as_rows, first_of_equal, select
from xret.indexes.twoway.search import Search, open_search
from xret.indexes.twoway.sides import Neighbours, TwoWay

__all__ = [
    "BlockSimilarity",
    "Float32Similarity",
    "Neighbours",
    "Rows",
    "Search",
    "Selection",
    "TwoWay",
    "as_rows",
    "first_of_equal",
    "open_search",
    "pair_cosines",
    "select",
    "two_way_knn",
]
