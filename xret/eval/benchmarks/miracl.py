"""MIRACL and CIRAL, laid out alike: a folder of topics and one of judgements a language, and passages."""

from __future__ import annotations

from xret.errors import EvalError
from xret.eval.benchmarks.family import Family, Loaded, Options, language_of
from xret.eval.benchmarks.found import Files
from xret.eval.benchmarks.judgements import read_labels
from xret.eval.benchmarks.lines import Record
from xret.eval.benchmarks.passages import joined, json_documents
from xret.eval.benchmarks.topics import Reading, read_topics

__all__ = ["CIRAL", "MIRACL"]

TAGS = ("ar", "bn", "de", "en", "es", "fa", "fi", "fr", "hi", "id", "ja", "ko", "ru", "sw", "te", "th", "yo", "zh")
AFRICAN = {"ha": "hausa", "so": "somali", "sw": "swahili", "yo": "yoruba"}
HIDDEN = ("test-a", "test-b")  # of MIRACL: their judgements were never published
MIRACL_LAYOUT = """\
miracl-v1.0-LL/topics/topics.miracl-v1.0-LL-SPLIT.tsv   id<TAB>question
miracl-v1.0-LL/qrels/qrels.miracl-v1.0-LL-SPLIT.tsv     TREC
miracl-corpus-v1.0-LL/docs-*.jsonl.gz                   {"docid", "title", "text"} a line"""
CIRAL_LAYOUT = """\
ciral-LANGUAGE/topics/topics.ciral-v1.0-LL-SPLIT.tsv    id<TAB>English question
ciral-LANGUAGE/qrels/qrels.ciral-v1.0-LL-SPLIT.tsv      TREC (or qrels of the pools: test-a-pools)
passages-v1.0/LANGUAGE_passages.jsonl                   {"docid", "title", "text", "url"} a line"""


def _load_miracl(files: Files, options: Options) -> Loaded:
    tag, _ = language_of(options, dict(zip(TAGS, TAGS, strict=True)))
    stem = f"miracl-v1.0-{tag}-{options.split}.tsv"
    corpus = files.all("corpus", f"miracl-corpus-v1.0-{tag}/docs-*.jsonl", f"*{tag}/docs-*.jsonl", f"{tag}/*.jsonl")
    queries = files.one("queries", f"topics.{stem}")
    judged = files.all("qrels", f"qrels.{stem}")
    if not judged and options.split not in HIDDEN:
        raise EvalError(files.absent("qrels", f"qrels.{stem}"))
    return Loaded(
        queries=read_topics(queries, Reading(lang=tag)),
        qrels=read_labels(files.one("qrels", f"qrels.{stem}")) if judged else None,
        documents=json_documents([(path, tag) for path in corpus], _text) if corpus else None,
        files=(("corpus", corpus), ("queries", [queries]), ("qrels", judged)),
    )


def _load_ciral(files: Files, options: Options) -> Loaded:
    tag, name = language_of(options, AFRICAN)
    split = str(options.split)
    topics = f"topics.ciral-v1.0-{tag}-{split.removesuffix('-pools')}.tsv"
    corpus = files.all("corpus", f"{name}_passages.jsonl", f"ciral*-{tag}*.jsonl", f"*{name}*.jsonl")
    queries = files.one("queries", topics)
    qrels = files.one("qrels", f"qrels.ciral-v1.0-{tag}-{split}.tsv")
    return Loaded(
        queries=read_topics(queries, Reading(lang="en")),
        qrels=read_labels(qrels),
        documents=json_documents([(path, tag) for path in corpus], _text) if corpus else None,
        files=(("corpus", corpus), ("queries", [queries]), ("qrels", [qrels])),
    )


def _text(passage: Record) -> str:
    return joined(passage.get("title"), passage["text"])


def _of_miracl(files: Files, options: Options) -> list[str]:
    return [tag for tag in TAGS if files.all("topics", f"topics.miracl-v1.0-{tag}-{options.split}.tsv")]


def _of_ciral(files: Files, options: Options) -> list[str]:
    split = str(options.split).removesuffix("-pools")
    return [tag for tag in AFRICAN if files.all("topics", f"topics.ciral-v1.0-{tag}-{split}.tsv")]


MIRACL = Family(
    names=("miracl",), layout=MIRACL_LAYOUT, load=_load_miracl, languages=_of_miracl,
    splits=("dev", "train", "test-a", "test-b"), labels=frozenset({0, 1}),
)  # fmt: skip
CIRAL = Family(
    names=("ciral",), layout=CIRAL_LAYOUT, load=_load_ciral, languages=_of_ciral,
    splits=("test-b", "test-a", "test-a-pools", "dev", "train"), labels=frozenset({0, 1}),
)  # fmt: skip
