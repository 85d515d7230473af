"""Files of no published set: topics, judgements and documents given one by one, or a folder of xret's own."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pyarrow as pa

from xret.corpus import open_corpus
from xret.corpus.languages import UNKNOWN, check_lang
from xret.eval.benchmarks.documents import Documents, documents_of
from xret.eval.benchmarks.family import Family, Loaded, Options
from xret.eval.benchmarks.found import Files
from xret.eval.benchmarks.judgements import read_labels
from xret.eval.benchmarks.topics import Reading, read_topics
from xret.eval.known_item import known_item_protocol
from xret.eval.topics import TOPIC_COLUMNS

__all__ = ["OWN", "TREC"]

TREC_LAYOUT = """\
topics.* or queries.*           id<TAB>text; JSON lines; <top><num><title><desc>; HC4's and NeuCLIR's JSON
qrels.*                         TREC, BEIR's with a header, or MTEB's
docs.*, corpus.*, collection.*  anything xret reads as a corpus (.jsonl, .tsv, .parquet, …); may be absent"""
OWN_LAYOUT = """\
docs.parquet, .jsonl or .tsv    id, text, lang
queries.tsv or .jsonl           id, lang, text
qrels.txt                       TREC
manifest.json                   as 'xret eval known-item -o' writes it: scored by its protocol; may be absent"""
log = logging.getLogger("xret")
ENDS = (".parquet", ".arrow", ".jsonl", ".tsv")


def _load_trec(files: Files, options: Options) -> Loaded:
    lang = check_lang(options.lang) if options.lang else UNKNOWN
    split = options.split or ""
    queries = files.one("queries", f"topics*{split}*", f"queries*{split}*", "topics*", "queries*")
    qrels = files.one("qrels", f"qrels*{split}*", "qrels*", "*.qrels")
    corpus = files.all("corpus", *(f"{name}{end}" for name in ("docs", "corpus", "collection") for end in ENDS))
    asked = "en" if options.lang is None and _has_translations(queries) else lang
    reading = Reading(lang=asked, fields=options.fields or ("title",), source=options.source, encoding=options.encoding)
    judged = read_labels(qrels)
    return Loaded(
        queries=_as_judged(read_topics(queries, reading), judged),
        qrels=judged,
        documents=_documents(corpus, options.lang) if corpus else None,
        files=(("corpus", corpus[:1]), ("queries", [queries]), ("qrels", [qrels])),
    )


def _load_own(files: Files, options: Options) -> Loaded:
    queries = files.one("queries", *(f"queries{end}" for end in ENDS), deep=False)
    qrels = files.one("qrels", "qrels.txt", "qrels.trec", "qrels.tsv", "qrels.parquet", "qrels.jsonl", deep=False)
    corpus = files.all("corpus", *(f"{name}{end}" for name in ("docs", "corpus") for end in ENDS), deep=False)
    table = open_corpus(queries, lang=options.lang)
    extra = [name for name in TOPIC_COLUMNS if name in table.column_names]
    return Loaded(
        queries=table.select(["id", "lang", "text", *extra]),
        qrels=read_labels(qrels),
        documents=_documents(corpus, None) if corpus else None,
        files=(("corpus", corpus[:1]), ("queries", [queries]), ("qrels", [qrels])),
        protocol=known_item_protocol(queries.parent),
    )


def _as_judged(queries: pa.Table, qrels: pa.Table) -> pa.Table:
    """Topics whose numbers have letters before them that those of the judgements lack (TREC 2002's ``AR26``: 26)."""
    judged, names = set(qrels["qid"].to_pylist()), queries["id"].to_pylist()
    bare = [re.sub(r"^[A-Za-z]+(?=\d+$)", "", name) for name in names]
    if judged & set(names) or not judged & set(bare) or len(set(bare)) < len(bare):
        return queries
    log.info("topics '%s' … are called '%s' …, as in the judgements", names[0], bare[0])
    return queries.set_column(0, "id", pa.array(bare, pa.string()))


def _documents(corpus: list[Path], lang: str | None) -> Documents:
    return documents_of(open_corpus(corpus[0], lang=lang), label=str(corpus[0]))


def _has_translations(path: Path) -> bool:
    from xret.eval.benchmarks.lines import text_of

    return '"topics"' in text_of(path, "latin-1")[:65536]


TREC = Family(names=("trec",), layout=TREC_LAYOUT, load=_load_trec, languages=lambda *_: [], splits=("",), each=False)
OWN = Family(names=("xret",), layout=OWN_LAYOUT, load=_load_own, languages=lambda *_: [], splits=("",), each=False)
