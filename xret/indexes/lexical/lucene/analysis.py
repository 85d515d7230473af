"""Which analyzer a language has in Lucene, and what stands in where it has none.

Anserini falls back to splitting at spaces without a word, also for a misspelt language; here the choice is always said:
``lucene:de`` is Lucene's own, and everything else one of xret's, whose terms are handed to Lucene ready-made.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from xret.errors import InputError
from xret.indexes.lexical.analyzers import Analyzer, analyzer, base_language, parse_spec, spec_of
from xret.indexes.lexical.lucene.java import java_class, thai_words

__all__ = ["PREFIX", "SPACES", "analyzer_of", "contents", "java_analyzer", "lucene_languages", "lucene_spec"]

_SAME = {"nb": "no", "nn": "no"}
PREFIX = "lucene:"
SPACES = "spaces"
"""Texts that were cut into terms before, a space between them."""


@lru_cache(maxsize=1)
def lucene_languages() -> frozenset[str]:
    """Languages (first subtag) with an analyzer in Lucene, as Anserini has them; Thai only where Java can."""
    names = {str(name) for name in java_class("io.anserini.analysis.AnalyzerMap").analyzerMap.keySet().toArray()} | {
        "en"
    }
    return frozenset((names | set(_SAME)) - (set() if thai_words() else {"th"}))


def lucene_spec(tag: str, given: Mapping[str, str] | None = None) -> str:
    """The analyzer of a language: ``lucene:CODE``, or one of xret's.

    Args:
        tag: BCP 47.
        given: by language, before what Lucene has.

    Raises:
        InputError: a language that neither Lucene nor xret knows.
    """
    base = base_language(tag)
    spec = (given or {}).get(base)
    if spec is None:
        return f"{PREFIX}{_SAME.get(base, base)}" if base in lucene_languages() else spec_of(tag)
    if spec.startswith(PREFIX):
        if spec.removeprefix(PREFIX) not in lucene_languages():
            raise InputError(f"'{spec}': no such analyzer; Lucene has {', '.join(sorted(lucene_languages()))}")
        return spec
    spec = spec_of(tag, given)
    parse_spec(spec)
    return spec


@lru_cache(maxsize=64)
def analyzer_of(spec: str) -> Analyzer:
    """One of xret's analyzers, made once."""
    return analyzer(spec)


def contents(spec: str, text: str) -> str:
    """What Lucene is to index, or to search for: the text, or the terms that one of xret's analyzers makes of it."""
    return text if spec.startswith(PREFIX) or spec == SPACES else " ".join(analyzer_of(spec).terms(text))


def java_analyzer(spec: str) -> Any:
    """Lucene's analyzer object: of a language, or the one that splits at spaces."""
    name = spec.removeprefix(PREFIX)
    if name == spec:
        return java_class("org.apache.lucene.analysis.core.WhitespaceAnalyzer")()
    if name == "en":
        return java_class("io.anserini.analysis.DefaultEnglishAnalyzer").newDefaultInstance()
    return java_class("io.anserini.analysis.AnalyzerMap").getLanguageSpecificAnalyzer(name)
