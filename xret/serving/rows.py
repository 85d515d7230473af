"""The hits of one query between search and answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from xret.errors import ModelError
from xret.serving.matches import text_matches

if TYPE_CHECKING:
    from xret.encoders import Encoder

__all__ = ["UNKNOWN", "Rows", "facets", "hits_of", "split"]

UNKNOWN = "und"  # a language that nobody told


@dataclass(frozen=True)
class Rows:
    """Hits of a query, best first, in columns.

    Attributes:
        ids: of documents.
        langs: their languages.
        scores: what they are ordered by.
        texts: None where the index keeps none; a None within where one of several fused indexes keeps none.
        titles: None where the index keeps none; a None within where a document has none.
        parts: what the scores came from, by name; NaN-free, a None where a hit has no such part.
    """

    ids: list[str]
    langs: list[str]
    scores: list[float]
    texts: list[str | None] | None = None
    titles: list[str | None] | None = None
    parts: dict[str, list[float | None]] = field(default_factory=dict)

    @staticmethod
    def none() -> Rows:
        """No hits."""
        return Rows([], [], [], [])

    def first(self, k: int) -> Rows:
        """The best k."""
        return self if len(self.ids) <= k else self.taken(range(k))

    def taken(self, places: Sequence[int]) -> Rows:
        """Some of them, in this order."""
        texts, titles = (None if shown is None else [shown[at] for at in places] for shown in (self.texts, self.titles))
        parts = {name: [values[at] for at in places] for name, values in self.parts.items()}
        return Rows(
            [self.ids[at] for at in places], [self.langs[at] for at in places], [self.scores[at] for at in places],
            texts, titles, parts,
        )  # fmt: skip

    def with_part(self, name: str, values: Sequence[float | None]) -> Rows:
        """With one more part of the scores."""
        return replace(self, parts={**self.parts, name: list(values)})

    def run(self) -> pa.Table:
        """As a run of one query, and `place`: of each hit here."""
        count = len(self.ids)
        return pa.table(
            {
                "qid": pa.array(["0"] * count, pa.string()),
                "docid": pa.array(self.ids, pa.string()),
                "score": pa.array(self.scores, pa.float64()),
                "rank": pa.array(range(1, count + 1), pa.int32()),
                "tag": pa.array(["xret"] * count, pa.string()),
                "dlang": pa.array(self.langs, pa.string()),
                "place": pa.array(range(count), pa.int64()),
            }
        )


def split(run: pa.Table, queries: int) -> list[Rows]:
    """The run of queries "0", "1", … as the hits of each."""
    qids, ids = run["qid"].to_pylist(), run["docid"].to_pylist()
    langs, scores = run["dlang"].to_pylist(), run["score"].to_pylist()
    texts, titles = (run[name].to_pylist() if name in run.column_names else None for name in ("text", "title"))
    places: list[list[int]] = [[] for _ in range(queries)]
    for at, qid in enumerate(qids):
        places[int(qid)].append(at)
    everything = Rows(ids, [lang or UNKNOWN for lang in langs], scores, texts, titles)
    return [everything.taken(own) for own in places]


def facets(lists: Sequence[Rows], most: int) -> dict[str, int]:
    """Documents by language, most first: of all hits, or of the best `most` of each list, each document once."""
    found: dict[str, str] = {}
    for rows in lists:
        stop = most or len(rows.ids)
        for id_, lang in zip(rows.ids[:stop], rows.langs[:stop], strict=True):
            if found.get(id_, UNKNOWN) == UNKNOWN:
                found[id_] = lang
    counts = Counter(found.values())
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def hits_of(rows: Rows, query: Any, *, options: Any, encoder: Encoder | None, explained: int) -> list[dict[str, Any]]:
    """The hits as the API gives them (see `xret.serving.schema.Hit`).

    Args:
        rows: the hits.
        query: with `text` and `lang`.
        options: of the request.
        encoder: for matches.
        explained: how many hits get them.
    """
    out: list[dict[str, Any]] = [
        {"id": id_, "lang": lang, "score": score, "rank": rank}
        for rank, (id_, lang, score) in enumerate(zip(rows.ids, rows.langs, rows.scores, strict=True), 1)
    ]
    for name, shown in (("title", rows.titles), ("text", rows.texts)) if options.text else ():
        for hit, given in zip(out, shown or (), strict=shown is not None):
            if given is not None:
                hit[name] = given
    if options.explain:
        parts = rows.parts or {"raw": list(rows.scores)}
        for at, hit in enumerate(out):
            hit["parts"] = {name: value for name, values in parts.items() if (value := values[at]) is not None}
        _explain(out[:explained], rows, query, encoder)
    return out


def _explain(hits: list[dict[str, Any]], rows: Rows, query: Any, encoder: Encoder | None) -> None:
    """Add the parts of the texts that match."""
    places = [at for at in range(len(hits)) if rows.texts is not None and rows.texts[at] is not None]
    if encoder is None or not encoder.token_dim or not places or rows.texts is None:
        return
    texts = [rows.texts[at] or "" for at in places]
    told = encoder.recipe.languages is not None
    try:
        found = text_matches(
            encoder, query.text, texts, langs=(query.lang, [rows.langs[at] for at in places]) if told else None
        )
    except ModelError:  # an encoder that cannot tell
        return
    for at, matches in zip(places, found, strict=True):
        hits[at]["matches"] = matches
