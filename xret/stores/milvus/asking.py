"""Searches of a collection, in calls of so many queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from xret.errors import UsageError
from xret.stores.fusing import RRF, Side, other_side
from xret.stores.milvus.client import pymilvus
from xret.stores.milvus.schema import REST, SPARSE, WORDS, Vectored, dense_field
from xret.stores.place import Place
from xret.stores.recipe import Recipe
from xret.stores.rows import MOST_TOKENS, as_mapping
from xret.stores.store import Floats, Fusion

__all__ = ["Asked", "hits", "whole_text"]

MOST = 16_384  # hits per query: the server's limit
SPARE = 16  # rows fetched beyond k, so that equal scores at the k-th place are put in order by us
UNKNOWN = MOST_TOKENS + 1  # a token that no row has: Milvus takes no query without one
CALL_HITS = 1 << 16  # hits of one call


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """One search: n queries and what is wanted of them."""

    place: Place
    recipe: Recipe
    names: Sequence[str]
    vectors: Floats
    k: int
    text: bool
    index: Vectored
    nprobe: int | None
    other: Sequence[Any] = ()
    side: Side | None = None
    fusion: Fusion = "rrf"
    weights: tuple[float, float] = (1.0, 1.0)
    depth: int = 0

    def __post_init__(self) -> None:
        """Refuse what the server would."""
        if self.k > MOST:
            raise UsageError(f"{self.place}: k is {self.k:,}, and Milvus gives {MOST:,} hits at most; ask for fewer")

    @property
    def fetch(self) -> int:
        """Hits asked for."""
        return min(MOST, self.k + SPARE)

    def beside(self, other: Sequence[Any], *, fusion: Fusion, weights: tuple[float, float], depth: int) -> Asked:
        """The same, merged with a search by words or by token weights.

        Raises:
            UsageError: the collection keeps none, a wrong number of them, or an unknown fusion.
        """
        side = other_side(
            other, queries=len(self.names), fusion=fusion, weights=weights, recipe=self.recipe, where=self.place
        )
        return replace(self, other=other, side=side, fusion=fusion, weights=weights, depth=min(MOST, depth))


def hits(call: Callable[..., Any], asked: Asked, expression: str) -> dict[str, list[Any]]:
    """The columns `qid, docid, score, dlang` (and `text`) of what is found among the rows that fit an expression."""
    found: dict[str, list[Any]] = {name: [] for name in ("qid", "docid", "score", "dlang", "text")}
    size = max(1, CALL_HITS // asked.fetch)
    for start in range(0, len(asked.names), size):
        stop = min(start + size, len(asked.names))
        given = (_merged if asked.side else _vectors)(call, asked, expression, start, stop)
        for name, rows in zip(asked.names[start:stop], given, strict=True):
            for row in rows:
                _put(found, name, row)
    return found


def _vectors(call: Callable[..., Any], asked: Asked, expression: str, start: int, stop: int) -> Any:
    parameters = {"metric_type": "IP", "params": asked.index.search(asked.fetch, asked.nprobe, asked.place)}
    return call(
        "search", asked.place.name, data=list(asked.vectors[start:stop]), anns_field=dense_field(asked.recipe),
        limit=asked.fetch, filter=expression, output_fields=_fields(asked), search_params=parameters,
    )  # fmt: skip


def _merged(call: Callable[..., Any], asked: Asked, expression: str, start: int, stop: int) -> Any:
    library = pymilvus()
    parameters = {"metric_type": "IP", "params": asked.index.search(asked.depth, asked.nprobe, asked.place)}
    lexical, other = asked.side == "words", asked.other[start:stop]
    field, second = (
        (WORDS, list(other)) if lexical else (SPARSE, [as_mapping(each) or {UNKNOWN: 1.0} for each in other])
    )
    ask = library.AnnSearchRequest
    sides = [
        ask(data=list(asked.vectors[start:stop]), anns_field=dense_field(asked.recipe), param=parameters,
            limit=asked.depth, expr=expression or None),
        ask(data=second, anns_field=field, param={"metric_type": "BM25" if lexical else "IP"},
            limit=asked.depth, expr=expression or None),
    ]  # fmt: skip
    ranker = library.RRFRanker(RRF) if asked.fusion == "rrf" else library.WeightedRanker(*asked.weights)
    return call(
        "hybrid_search", asked.place.name, reqs=sides, ranker=ranker, limit=asked.fetch, output_fields=_fields(asked)
    )


def _fields(asked: Asked) -> list[str]:
    return ["lang", "text", REST] if asked.text else ["lang"]


def _put(found: dict[str, list[Any]], name: str, row: Any) -> None:
    entity = row["entity"]
    found["qid"].append(name)
    found["docid"].append(row["id"])
    found["score"].append(float(row["distance"]))
    found["dlang"].append(entity.get("lang"))
    found["text"].append(whole_text(entity))


def whole_text(row: Any) -> str | None:
    """The text of a row as it came, with the pieces that it was cut into; None where none was asked for."""
    text = row.get("text")
    return None if text is None else "".join([text, *(row.get(REST) or ())])
