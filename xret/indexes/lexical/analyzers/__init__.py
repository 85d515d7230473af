"""Texts to index terms, by language.

scripts.py    characters: words, and scripts written without spaces
table.py      which analyzer a language has; none for an unknown one
analyzer.py   `Analyzer`: normalise, lower-case, cut, stem
"""

from xret.indexes.lexical.analyzers.analyzer import Analyzer, analyzer, analyzer_for, parse_spec, stemmer_version
from xret.indexes.lexical.analyzers.table import analyzer_names, base_language, spec_of

__all__ = [
    "Analyzer",
    "analyzer",
    "analyzer_for",
    "analyzer_names",
    "base_language",
    "parse_spec",
    "spec_of",
    "stemmer_version",
]
