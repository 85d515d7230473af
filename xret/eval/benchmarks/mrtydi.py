"""Mr. TyDi: a folder a language, ``mrtydi-v1.1-swahili/``, with a collection, topics and judgements by split."""

from __future__ import annotations

from xret.eval.benchmarks.family import Family, Loaded, Options, language_of
from xret.eval.benchmarks.found import Files
from xret.eval.benchmarks.judgements import read_labels
from xret.eval.benchmarks.passages import json_documents
from xret.eval.benchmarks.topics import Reading, read_topics

__all__ = ["FAMILY"]

LANGUAGES = {
    "ar": "arabic", "bn": "bengali", "en": "english", "fi": "finnish", "id": "indonesian", "ja": "japanese",
    "ko": "korean", "ru": "russian", "sw": "swahili", "te": "telugu", "th": "thai",
}  # fmt: skip
LAYOUT = """\
mrtydi-v1.1-LANGUAGE/collection/docs.jsonl.gz   {"id", "contents"} a line
mrtydi-v1.1-LANGUAGE/topic.SPLIT.tsv            id<TAB>question
mrtydi-v1.1-LANGUAGE/qrels.SPLIT.txt            TREC
or anserini's topics.mrtydi-v1.1-LL.SPLIT.txt.gz and qrels.mrtydi-v1.1-LL.SPLIT.txt"""


def _load(files: Files, options: Options) -> Loaded:
    tag, name = language_of(options, LANGUAGES)
    folder, anserini = f"mrtydi-v1.*-{name}", f"mrtydi-v1.*-{tag}.{options.split}.txt"
    corpus = files.all("corpus", f"{folder}/collection/docs.jsonl")
    queries = files.one("queries", *_topics(options, tag, name))
    qrels = files.one("qrels", f"{folder}/qrels.{options.split}.txt", f"qrels.{anserini}")
    return Loaded(
        queries=read_topics(queries, Reading(lang=tag)),
        qrels=read_labels(qrels),
        documents=json_documents([(path, tag) for path in corpus], lambda value: value["contents"]) if corpus else None,
        files=(("corpus", corpus), ("queries", [queries]), ("qrels", [qrels])),
    )


def _languages(files: Files, options: Options) -> list[str]:
    return [tag for tag, name in LANGUAGES.items() if files.all("topics", *_topics(options, tag, name))]


def _topics(options: Options, tag: str, name: str) -> tuple[str, str]:
    return f"mrtydi-v1.*-{name}/topic.{options.split}.tsv", f"topics.mrtydi-v1.*-{tag}.{options.split}.txt"


FAMILY = Family(
    names=("mrtydi",), layout=LAYOUT, load=_load, languages=_languages, splits=("test", "dev", "train"),
    labels=frozenset({0, 1}),
)  # fmt: skip
