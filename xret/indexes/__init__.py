"""Indexes: vectors to neighbours. Importing this loads neither NumPy nor FAISS.

kinds.py        which package makes and reads which kind of index
catalogue.py    ids, languages and texts of an index that is open
changing.py     read while others change it, changed wholly or not at all
encoding.py     what indexes need of an encoder, which they are handed
factory.py      FAISS factory strings
choice.py       the choice of one by rows and memory
dense/          one vector for each text: build, add, delete, check, search
multivector/    one for each token, scored by MaxSim: the same
lexical/        words, scored by BM25: the same
twoway/         exact k nearest neighbours in both directions in one pass
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xret.indexes.dense.build import build_index
    from xret.indexes.dense.change import add_to_index, delete_from_index
    from xret.indexes.dense.check import check_index
    from xret.indexes.dense.layout import Manifest
    from xret.indexes.dense.opened import DenseIndex, open_index
    from xret.indexes.dense.search import Hits, search_index
    from xret.indexes.twoway import Neighbours, TwoWay, two_way_knn

__all__ = [
    "DenseIndex",
    "Hits",
    "Manifest",
    "Neighbours",
    "TwoWay",
    "add_to_index",
    "build_index",
    "check_index",
    "delete_from_index",
    "open_index",
    "search_index",
    "two_way_knn",
]

_HOMES = {
    "DenseIndex": "dense.opened",
    "Hits": "dense.search",
    "Manifest": "dense.layout",
    "Neighbours": "twoway",
    "TwoWay": "twoway",
    "add_to_index": "dense.change",
    "build_index": "dense.build",
    "check_index": "dense.check",
    "delete_from_index": "dense.change",
    "open_index": "dense.opened",
    "search_index": "dense.search",
    "two_way_knn": "twoway",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"xret.indexes.{_HOMES[name]}"), name)
