"""mMARCO and mRobust04: machine-translated collections and queries by language, with the original judgements."""

from __future__ import annotations

from xret.eval.benchmarks.family import Family, Loaded, Options, language_of
from xret.eval.benchmarks.found import Files
from xret.eval.benchmarks.judgements import read_labels
from xret.eval.benchmarks.passages import tsv_documents
from xret.eval.benchmarks.topics import Reading, read_topics

__all__ = ["MMARCO", "MROBUST"]

WORLD = {
    "ar": "arabic", "de": "german", "en": "english", "es": "spanish", "fr": "french", "hi": "hindi",
    "id": "indonesian", "it": "italian", "ja": "japanese", "nl": "dutch", "pt": "portuguese", "ru": "russian",
    "vi": "vietnamese", "zh": "chinese",
}  # fmt: skip
ROBUST = {tag: WORLD[tag] for tag in ("de", "en", "es", "fr", "id", "it", "nl", "pt", "ru", "vi", "zh")}
MMARCO_LAYOUT = """\
collections/LANGUAGE_collection.tsv             id<TAB>passage
queries/dev/LANGUAGE_queries.dev.small.tsv      id<TAB>query
qrels.dev.small.tsv                             TREC (MS MARCO's own)
of data/google (the later translations) where data/helsinki is there too"""
MROBUST_LAYOUT = """\
collections/LANGUAGE_collection.tsv             id<TAB>document
queries/LANGUAGE_queries.tsv                    id<TAB>query
qrels.robust04.txt (or robust04.qrels)          TREC (NIST's own: qrels.robust2004.txt)"""
NIST = ("qrels.robust04.txt", "qrels.robust2004.txt", "qrels.robust*", "robust04.qrels", "qrel*.txt", "qrel*.tsv")


def _load_mmarco(files: Files, options: Options) -> Loaded:
    tag, name = language_of(options, WORLD)
    split = options.split
    qrels = (
        f"qrels.{split}.tsv",
        "qrels.msmarco-passage.dev-subset.txt" if split == "dev.small" else f"qrels.{split}.txt",
    )
    return _load(
        files, tag, name, (f"google/queries/*/{name}_queries.{split}.tsv", f"{name}_queries.{split}.tsv"), qrels
    )


def _load_mrobust(files: Files, options: Options) -> Loaded:
    tag, name = language_of(options, ROBUST)
    return _load(files, tag, name, (f"{name}_queries.tsv", f"queries.{name}.tsv"), NIST)


def _load(files: Files, tag: str, name: str, queries: tuple[str, ...], qrels: tuple[str, ...]) -> Loaded:
    # of mMARCO's two translations the later, by Google; for the other give its folder as the data
    corpus = files.all("corpus", *(f"{by}{name}_collection.tsv" for by in ("google/collections/", "")))
    asked, judged = files.one("queries", *queries), files.one("qrels", *qrels)
    topics = read_topics(asked, Reading(lang=tag))
    return Loaded(
        queries=topics.append_column("topic", topics["id"]),  # the same in every language
        qrels=read_labels(judged),
        documents=tsv_documents([(path, tag) for path in corpus]) if corpus else None,
        files=(("corpus", corpus), ("queries", [asked]), ("qrels", [judged])),
    )


def _of_mmarco(files: Files, options: Options) -> list[str]:
    return [tag for tag, name in WORLD.items() if files.all("topics", f"{name}_queries.{options.split}.tsv")]


def _of_mrobust(files: Files, options: Options) -> list[str]:
    return [tag for tag, name in ROBUST.items() if files.all("topics", f"{name}_queries.tsv", f"queries.{name}.tsv")]


MMARCO = Family(
    names=("mmarco",), layout=MMARCO_LAYOUT, load=_load_mmarco, languages=_of_mmarco,
    splits=("dev.small", "dev", "train"), labels=frozenset({0, 1}),
)  # fmt: skip
MROBUST = Family(
    names=("mrobust04",), layout=MROBUST_LAYOUT, load=_load_mrobust, languages=_of_mrobust, splits=("test",),
    labels=frozenset({-1, 0, 1, 2}),
)  # fmt: skip
