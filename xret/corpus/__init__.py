"""Corpora: text files of every common kind to validated Arrow tables with the columns id, text, lang, and back."""

from xret.corpus.content import corpus_hash, gather, keep, texts
from xret.corpus.languages import check_lang
from xret.corpus.problems import Skipped
from xret.corpus.reader import CorpusReader, read_corpus
from xret.corpus.store import import_corpus, open_corpus
from xret.corpus.write import write_corpus

__all__ = [
    "CorpusReader",
    "Skipped",
    "check_lang",
    "corpus_hash",
    "gather",
    "import_corpus",
    "keep",
    "open_corpus",
    "read_corpus",
    "texts",
    "write_corpus",
]
