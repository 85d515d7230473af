"""Two searches merged, for stores that do not merge them by themselves; and what every hybrid search is asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Literal, TypeAlias

import pyarrow as pa

from xret.errors import UsageError
from xret.stores.recipe import Recipe
from xret.stores.store import Fusion

__all__ = ["RRF", "Side", "fused", "other_side"]

Side: TypeAlias = Literal["words", "sparse"]
RRF = 60


def other_side(
    other: Sequence[Any], *, queries: int, fusion: str, weights: Sequence[float], recipe: Recipe, where: object
) -> Side:
    """Which kind the other side of a hybrid search is, once what was asked is seen to fit.

    Args:
        other: texts, or mappings of token to weight.
        queries: how many there must be.
        fusion: ``rrf`` or ``weighted``.
        weights: of the two sides.
        recipe: of the store.
        where: the store, for messages.

    Raises:
        UsageError: another number of them, an unknown fusion or weights, or the store keeps nothing of the kind.
    """
    if fusion not in ("rrf", "weighted"):
        raise UsageError(f"fusion '{fusion}' is not known; write rrf or weighted")
    if len(weights) != 2 or not all(0 <= weight <= 1 for weight in weights):
        raise UsageError(f"weights {tuple(weights)} are not two numbers from 0 to 1; write (0.7, 0.3)")
    if len(other) != queries:
        raise UsageError(f"{queries} query vectors and {len(other)} texts or weights; give one for each")
    texts = all(isinstance(each, str) for each in other) if queries else recipe.words
    side: Side = "words" if texts else "sparse"
    if not (recipe.words if side == "words" else recipe.sparse):
        name = "words" if side == "words" else "sparse vectors"
        raise UsageError(f"{where}: keeps no {name}; load it again with them, or search by vectors alone")
    return side


def fused(dense: pa.Table, other: pa.Table, side: Side, *, fusion: Fusion, weights: tuple[float, float]) -> pa.Table:
    """`qid, docid, score` of the hits of either run, a query's together; scores as `Store.hybrid` has them of Milvus.

    Args:
        dense: a run; inner products of vectors.
        other: a run of the same queries.
        side: what it was searched by.
        fusion: ``rrf`` or ``weighted``.
        weights: of the two, for ``weighted``.
    """
    scores: dict[str, dict[str, float]] = {}
    for run, kind, weight in ((dense, "sparse", weights[0]), (other, side, weights[1])):
        columns = (run[name].to_pylist() for name in ("qid", "docid", "score"))
        for qid, hits in groupby(zip(*columns, strict=True), key=lambda hit: hit[0]):
            into = scores.setdefault(qid, {})
            for rank, (_, docid, score) in enumerate(hits, start=1):
                share = 1 / (RRF + rank) if fusion == "rrf" else weight * _bounded(score, kind)
                into[docid] = into.get(docid, 0.0) + share
    rows = [(qid, docid, score) for qid, found in scores.items() for docid, score in found.items()]
    names = (("qid", pa.string()), ("docid", pa.string()), ("score", pa.float64()))
    return pa.table({name: pa.array([row[at] for row in rows], kind) for at, (name, kind) in enumerate(names)})


def _bounded(score: float, side: str) -> float:
    """A score in 0 … 1, as Milvus brings it there: by an arctangent, of inner products or of BM25."""
    return 2 * math.atan(score) / math.pi if side == "words" else 0.5 + math.atan(score) / math.pi
