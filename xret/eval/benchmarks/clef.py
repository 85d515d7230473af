"""CLEF's ad-hoc newspapers of 2000 to 2003: SGML documents, topics in every language, judgements by language."""

from __future__ import annotations

from pathlib import Path

from xret.errors import EvalError
from xret.eval.benchmarks.documents import Documents
from xret.eval.benchmarks.family import Family, Loaded, Options, language_of
from xret.eval.benchmarks.found import Files
from xret.eval.benchmarks.judgements import read_labels, united
from xret.eval.benchmarks.passages import sgml_documents
from xret.eval.benchmarks.topics import Reading, read_topics

__all__ = ["FAMILY"]

NAMES = {
    "de": ("german", "DE"), "en": ("english", "EN"), "es": ("spanish", "ES"), "fi": ("finnish", "FI"),
    "fr": ("french", "FR"), "it": ("italian", "IT"), "nl": ("dutch", "NL"), "ru": ("russian", "RU"),
    "sv": ("swedish", "SV"),
}  # fmt: skip
POOL = ("fr", "de", "es", "en")  # of the multilingual task as later papers run it
# The elements that CLEF's newspapers keep their words in: agencies (SDA, ATS, EFE), Spiegel, Le Monde, LA Times, …
TAGS = ("TI", "LD", "TX", "ST", "TITLE", "HEADLINE", "LEAD", "LEAD1", "TEXT", "SUBTITLE", "BODY")
LAYOUT = """\
topics/Top-EN03.txt (or *topics*EN*.txt, .xml)  <top> <num> C141 </num> <EN-title>…, or <topic lang="en">…
qrels/qrels_german (or *qrels*de*, *german*)    TREC, a file a language of the documents
german/*, or DE/* (any names, .gz, .sgml)       <DOC><DOCNO>…</DOCNO><TEXT>…, a folder a language"""


def _load(files: Files, options: Options) -> Loaded:
    tags = POOL if options.name.endswith("-mlir") else (language_of(options, {tag: tag for tag in NAMES})[0],)
    queries = files.one("queries", "Top-EN03.*", "Top-EN*", "top-en*", "*topics*EN*", "*topics*en*", "en_topics.xml")
    judged = [_judged(files, tag) for tag in tags]
    corpus = [(path, tag) for tag in tags for path in _corpus(files, tag)]
    if corpus and len({tag for _, tag in corpus}) < len(tags):
        raise EvalError(f"{files.label}: has documents in {', '.join(sorted({tag for _, tag in corpus}))} only; wanted "
                        f"those of {', '.join(tags)}, the pool of {options.name}")  # fmt: skip
    reading = Reading(lang="en", fields=options.fields or ("title", "description"), encoding=options.encoding)
    documents: Documents | None = sgml_documents(corpus, TAGS, encoding=options.encoding) if corpus else None
    return Loaded(
        queries=read_topics(queries, reading),
        qrels=united([read_labels(path) for path in judged]),
        documents=documents,
        files=(("corpus", [path for path, _ in corpus]), ("queries", [queries]), ("qrels", judged)),
    )


def _judged(files: Files, tag: str) -> Path:
    name, code = NAMES[tag]
    patterns = (
        f"qrels_{name}*",
        f"*qrels*{name}*",
        f"qrels*_{code}*",
        f"qrels*[._-]{tag}*",
        f"{name}*qrels*",
        f"{code}*qrels*",
    )
    return files.one("qrels", *patterns)


def _corpus(files: Files, tag: str) -> list[Path]:
    name, code = NAMES[tag]
    given = files.all("corpus", *(f"{folder}/*" for folder in (name, name.title(), code, tag)))
    below = [*given, *files.all("corpus", *(f"{folder}/*/*" for folder in (name, name.title(), code, tag)))]
    return [
        path for path in dict.fromkeys(below) if "qrels" not in path.name.lower() and "top" not in path.name.lower()
    ]


def _languages(files: Files, options: Options) -> list[str]:
    if options.name.endswith("-mlir"):
        return ["mlir"]
    found = []
    for tag, (name, code) in NAMES.items():
        if files.all("judged", f"qrels_{name}*", f"*qrels*{name}*", f"qrels*_{code}*", f"qrels*[._-]{tag}*"):
            found.append(tag)
    return found


FAMILY = Family(
    names=("clef03", "clef03-mlir"), layout=LAYOUT, load=_load, languages=_languages, splits=("2003",),
    labels=frozenset({0, 1}),
)  # fmt: skip
