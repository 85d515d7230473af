"""Queries as Lucene's objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xret.indexes.lexical.lucene.analysis import PREFIX, SPACES, analyzer_of
from xret.indexes.lexical.lucene.java import java_class

__all__ = ["any_of", "bag_of_words", "boolean", "is_own"]


def is_own(spec: str) -> bool:
    """Whether an analyzer is one of xret's."""
    return not spec.startswith(PREFIX) and spec != SPACES


def boolean() -> tuple[Any, Any]:
    """Lucene's builder of Boolean queries, and the kinds of their clauses."""
    found = java_class("org.apache.lucene.search.BooleanQuery$Builder")
    return found, java_class("org.apache.lucene.search.BooleanClause$Occur")


def bag_of_words(searcher: Any, spec: str, text: str) -> Any:
    """A query as Lucene's: Anserini's bag of words, or the terms of one of xret's analyzers with their weights."""
    if not is_own(spec):
        generator = java_class("io.anserini.search.query.BagOfWordsQueryGenerator")()
        return generator.buildQuery("contents", searcher.get_analyzer(), text)
    term, single = java_class("org.apache.lucene.index.Term"), java_class("org.apache.lucene.search.TermQuery")
    boosted, (builder, occur) = java_class("org.apache.lucene.search.BoostQuery"), boolean()
    bag = builder()
    for name, weight in analyzer_of(spec).weighed(text).items():
        bag.add(boosted(single(term("contents", name)), weight), occur.SHOULD)
    return bag.build()


def any_of(ids: Sequence[str]) -> Any:
    """A query for the documents with one of some ids."""
    names, bytes_ref = java_class("java.util.ArrayList")(), java_class("org.apache.lucene.util.BytesRef")
    for name in ids:
        names.add(bytes_ref(name.encode()))
    return java_class("org.apache.lucene.search.TermInSetQuery")("id", names)
