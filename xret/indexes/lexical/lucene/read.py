"""Lucene indexes opened and searched."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import InputError, UsageError
from xret.indexes.catalogue import refuse_other_queries
from xret.indexes.lexical.lucene.analysis import java_analyzer
from xret.indexes.lexical.lucene.java import java_class
from xret.indexes.lexical.lucene.layout import LuceneManifest, LucenePart
from xret.indexes.lexical.lucene.queries import any_of, bag_of_words, boolean, is_own
from xret.indexes.lexical.scoring import BM25
from xret.runs import ordered

__all__ = ["LuceneIndex", "open_lucene", "search_lucene", "stored_tags"]


@dataclass(frozen=True, eq=False)
class LuceneIndex:
    """An index opened for searching; see `open_lucene`."""

    folder: Path
    manifest: LuceneManifest

    @cached_property
    def searchers(self) -> Mapping[str, Any]:
        """Anserini's searcher of every language."""
        searchers = {}
        for language, part in self.manifest.parts.items():
            searcher = java_class("io.anserini.search.SimpleSearcher")(str(self.folder / part.folder))
            searcher.set_analyzer(java_analyzer(part.analyzer))
            searchers[language] = searcher
        return searchers

    @cached_property
    def table(self) -> pa.Table:
        """`id, lang, text` of all documents, read from what is stored of them; into memory."""
        rows = [row for language, part in self.manifest.parts.items() for row in _rows(self.searchers[language], part)]
        columns = list(zip(*rows, strict=True)) or [(), (), ()]
        names = ("id", "lang", "text")
        return pa.table({name: pa.array(values, pa.string()) for name, values in zip(names, columns, strict=True)})

    def rows_of(self, ids: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
        """Ascending numbers of the rows of `table` with one of these ids."""
        return np.flatnonzero(pc.is_in(self.table["id"], value_set=ids).to_numpy())

    def kept(self, languages: Sequence[str] | None = None) -> None:
        """Nothing; raises as `tags` does."""
        if languages is not None:
            self.tags(languages)

    def tags(self, languages: Sequence[str]) -> set[str]:
        """The tags of the index that languages stand for (``zh`` takes in ``zh-Hant``).

        Raises:
            InputError: a language of which the index has no row.
        """
        found: set[str] = set()
        for language in languages:
            wanted = language.lower()
            tags = {
                tag for tag in self.manifest.languages if tag.lower() == wanted or tag.lower().startswith(f"{wanted}-")
            }
            if not tags:
                counts = ", ".join(f"{tag} {rows:,}" for tag, rows in self.manifest.languages.items())
                raise InputError(f"{self.folder}: has no rows in language '{language}'; it has {counts}")
            found |= tags
        return found


def open_lucene(folder: str | Path) -> LuceneIndex:
    """Open an index folder that `build_lucene` or `adopt_lucene` made.

    Raises:
        InputError: no such index, or a part of it is missing.
    """
    return LuceneIndex(Path(folder), LuceneManifest.read(Path(folder)))


def search_lucene(
    index: LuceneIndex,
    queries: pa.Table,
    *,
    k: int,
    languages: Sequence[str] | None = None,
    docids: Sequence[str] | None = None,
    candidates: pa.Table | None = None,
    text: bool = False,
    bm25: BM25 | None = None,
    threads: int | None = None,
) -> pa.Table:
    """The best k documents of every query; arguments, result and errors as for `search_index`.

    Lucene keeps lengths in one byte, so scores differ a little from those of xret's own index.
    """
    if k < 1:
        raise UsageError(f"k is {k}; ask for at least 1 hit")
    bm25 = bm25 or BM25()
    tags = index.tags(languages) if languages is not None else None
    rows: list[pa.Table] = [_empty()]
    for language, part in index.manifest.parts.items():
        if tags is not None and not tags & set(part.tags):
            continue
        searcher = index.searchers[language]
        searcher.set_bm25(bm25.k1, bm25.b)
        only = None if tags is None or set(part.tags) <= tags else tags
        search = _Search(searcher, part, k, only, text, threads or 1)
        rows.append(search.hits(queries, _wanted(queries, docids, candidates)))
    run = pa.concat_tables(rows)
    order = pc.index_in(run["qid"], value_set=queries["id"].cast(pa.string()).combine_chunks())
    run = ordered(run.take(pc.sort_indices(order)))
    run = run.filter(pc.less_equal(run["rank"], k))
    place = pc.index_in(run["qid"], value_set=queries["id"].cast(pa.string()).combine_chunks())
    run = run.append_column("qlang", queries["lang"].cast(pa.string()).take(place))
    names = ["qid", "docid", "score", "rank", "qlang", "dlang"]
    return run.select([*names, "text"] if text and index.manifest.text else names)


def stored_tags(folder: Path, part: LucenePart, ids: Sequence[str]) -> list[str]:
    """The language tags of documents, from what is stored of them where the part has several."""
    if len(part.tags) == 1:
        return [next(iter(part.tags))] * len(ids)
    searcher = java_class("io.anserini.search.SimpleSearcher")(str(folder))
    try:
        return [_stored(searcher, id)["lang"] for id in ids]
    finally:
        searcher.close()


@dataclass(frozen=True, eq=False)
class _Search:
    """A search of one part."""

    searcher: Any
    part: LucenePart
    k: int
    tags: set[str] | None
    text: bool
    threads: int

    def hits(self, queries: pa.Table, wanted: Mapping[str, Sequence[str]] | None) -> pa.Table:
        """Of every query, the best k and those that tie with them as far as Lucene gives them."""
        simple = wanted is None and self.tags is None and not is_own(self.part.analyzer)
        found = [
            (qid, str(hit.docid), float(hit.score))
            for qid, hits in (self._batch(queries) if simple else self._each(queries, wanted))
            for hit in hits
        ]
        columns = list(zip(*found, strict=True)) or [(), (), ()]
        run = pa.table(
            {
                "qid": pa.array(columns[0], pa.string()),
                "docid": pa.array(columns[1], pa.string()),
                "score": pa.array(columns[2], pa.float64()),
            }
        )
        stored = self._stored(run)
        if self.tags is None:
            return stored
        return stored.filter(pc.is_in(stored["dlang"], value_set=pa.array(sorted(self.tags))))

    def _batch(self, queries: pa.Table) -> Iterator[tuple[str, Any]]:
        qids, texts = java_class("java.util.ArrayList")(), java_class("java.util.ArrayList")()
        for qid, query in zip(queries["id"].to_pylist(), queries["text"].to_pylist(), strict=True):
            qids.add(qid)
            texts.add(query)
        found = self.searcher.batch_search(texts, qids, self.k, self.threads)
        for qid in queries["id"].to_pylist():
            hits = found.get(qid)
            yield qid, hits if hits is not None else ()

    def _each(self, queries: pa.Table, wanted: Mapping[str, Sequence[str]] | None) -> Iterator[tuple[str, Any]]:
        """Query by query, with a filter on ids; all hits where tags are to be chosen from afterwards."""
        builder, occur = boolean()
        most = self.k if self.tags is None else max(1, int(self.searcher.get_total_num_docs()))
        for qid, query in zip(queries["id"].to_pylist(), queries["text"].to_pylist(), strict=True):
            bag = bag_of_words(self.searcher, self.part.analyzer, query)
            if wanted is not None:
                made = builder()
                made.add(bag, occur.MUST)
                made.add(any_of(wanted.get(qid, ())), occur.FILTER)
                bag = made.build()
            yield qid, self.searcher.search(bag, most)

    def _stored(self, run: pa.Table) -> pa.Table:
        """The run with `dlang` and `text`, which are looked up only where they must be."""
        if len(self.part.tags) == 1 and not self.text:
            tag = next(iter(self.part.tags))
            nothing = pa.nulls(run.num_rows, pa.string())
            return run.append_column("dlang", pa.repeat(pa.scalar(tag, pa.string()), run.num_rows)).append_column(
                "text", nothing
            )
        ids = pc.unique(run["docid"])
        stored = [_stored(self.searcher, id) for id in ids.to_pylist()]
        default = next(iter(self.part.tags))
        tags = pa.array([each.get("lang", default) for each in stored], pa.string())
        texts = pa.array([each.get("text", each.get("contents")) for each in stored], pa.string())
        place = pc.index_in(run["docid"], value_set=ids)
        return run.append_column("dlang", tags.take(place)).append_column("text", texts.take(place))


def _rows(searcher: Any, part: LucenePart) -> Iterator[tuple[str, str, str | None]]:
    """Id, language and text of the documents of a part."""
    every = java_class("org.apache.lucene.search.MatchAllDocsQuery")()
    default = next(iter(part.tags), "und")
    for hit in searcher.search(every, max(1, int(searcher.get_total_num_docs()))):
        stored = _stored(searcher, str(hit.docid))
        yield str(hit.docid), stored.get("lang", default), stored.get("text", stored.get("contents"))


def _stored(searcher: Any, id: str) -> dict[str, Any]:
    """What is stored of a document: JSON made by xret, other JSON, or plain text."""
    raw = searcher.doc_raw(id)
    try:
        found = json.loads(str(raw)) if raw is not None else {}
    except ValueError:
        return {"contents": str(raw)}
    return found if isinstance(found, dict) else {"contents": str(raw)}


def _wanted(
    queries: pa.Table, docids: Sequence[str] | None, candidates: pa.Table | None
) -> Mapping[str, Sequence[str]] | None:
    """The ids that each query may find; None for all."""
    if docids is None and candidates is None:
        return None
    qids = queries["id"].to_pylist()
    if candidates is not None:
        refuse_other_queries(queries, candidates)
    if candidates is None:
        same = list(docids or ())
        return {qid: same for qid in qids}
    allowed = None if docids is None else set(docids)
    found: dict[str, list[str]] = {}
    for qid, docid in zip(candidates["qid"].to_pylist(), candidates["docid"].to_pylist(), strict=True):
        if allowed is None or docid in allowed:
            found.setdefault(qid, []).append(docid)
    return found


def _empty() -> pa.Table:
    types = {"qid": pa.string(), "docid": pa.string(), "score": pa.float64(), "dlang": pa.string(), "text": pa.string()}
    return pa.table({name: pa.array([], type_) for name, type_ in types.items()})
