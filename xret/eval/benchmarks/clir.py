"""HC4 and NeuCLIR: English topics with translations, news of three languages; alone, or all in one pool (MLIR)."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from xret.errors import EvalError
from xret.eval.benchmarks.documents import Documents
from xret.eval.benchmarks.family import Family, Loaded, Options, language_of
from xret.eval.benchmarks.found import Files
from xret.eval.benchmarks.judgements import read_labels, united
from xret.eval.benchmarks.lines import Record
from xret.eval.benchmarks.passages import joined, json_documents
from xret.eval.benchmarks.topics import Reading, read_topics

__all__ = ["HC4", "NEUCLIR"]

CODES = {"fa": "fas", "ru": "rus", "zh": "zho"}
EVERY = "mlir"  # in place of a language: the union
HC4_LAYOUT = """\
resources/hc4/SPLIT.topics.v1-0.jsonl           topics with titles, descriptions and their translations
resources/hc4/LLL/SPLIT.qrels.v1-0.txt          TREC; LLL is fas, rus or zho
data/LLL/hc4_docs.jsonl                         {"id", "title", "text", …} a line, as the download script writes"""
NEUCLIR_LAYOUT = """\
topics.0720.utf8.jsonl (2022), neuclir-2023-topics.0605.jsonl   topics with titles, descriptions and translations
2022-qrels.all (2022: the second field is LLL)                  TREC; LLL is fas, rus or zho
qrels.final.gains.LLL, qrels.final.gains (2023)                 TREC
LLL-00000-of-00001.jsonl.gz (neuclir1) or LLL/docs.jsonl        {"id", "title", "text", …} a line"""
TOPICS = {
    "2022": ("topics.0720.utf8.jsonl", "*2022*topics*.jsonl"),
    "2023": ("*2023-topics*.jsonl", "*2023*topics*.jsonl"),
}


def _load_hc4(files: Files, options: Options) -> Loaded:
    tag, code = language_of(options, CODES)
    split = options.split
    qrels = files.one(
        "qrels", f"{code}/{split}.qrels.v1-*.txt", f"{code}/{split}.qrels*.txt", f"{split}.qrels.{code}.txt"
    )
    queries = files.one("queries", f"{split}.topics.v1-*.jsonl", f"{split}.topics*.jsonl")
    corpus = _corpus(files, code, f"{code}/hc4_docs.jsonl", f"{code}/docs.jsonl", f"{code}*.jsonl")
    return _loaded(options, read_labels(qrels), queries, [qrels], [(path, tag) for path in corpus], code)


def _load_neuclir(files: Files, options: Options) -> Loaded:
    split = str(options.split)
    tags = CODES if options.name.endswith("-mlir") else dict([language_of(options, CODES)])
    queries = files.one("queries", *TOPICS.get(split, (f"*{split}*topics*.jsonl",)))
    tables, judged = [], []
    for code in tags.values():
        table, path = _judged(files, split, code)
        tables.append(table)
        judged.append(path)
    corpus = [
        (path, tag)
        for tag, code in tags.items()
        for path in _corpus(files, code, f"{code}-*.jsonl", f"{code}/docs.jsonl", f"*{code}*.jsonl")
    ]
    if corpus and len({tag for _, tag in corpus}) < len(tags):
        raise EvalError(f"{files.label}: has documents in {', '.join(sorted({tag for _, tag in corpus}))} only; wanted "
                        f"those of {', '.join(tags)}, the pool of {options.name}")  # fmt: skip
    only = next(iter(tags.values())) if len(tags) == 1 else None
    return _loaded(options, united(tables), queries, list(dict.fromkeys(judged)), corpus, only)


def _judged(files: Files, split: str, code: str) -> tuple[pa.Table, Path]:
    """Of one language: a file of its own, or the lines of a common one that have its code as their second field."""
    own = _own(split, code)
    if "qrels" not in files.roles and (found := files.all("qrels", *own)):
        return read_labels(files.one("qrels", *own)), found[0]
    path = files.one("qrels", f"{split}-qrels.all", f"*{split}*qrels*.all", *own)
    return read_labels(path, iteration=code), path


def _own(split: str, code: str) -> tuple[str, ...]:
    unnamed = (f"qrels.final.gains.{code}",) if split == "2023" else ()  # that archive's names tell no year
    return (f"*{split}*qrels*.{code}", *unnamed, f"{code}/*{split}*qrels*", f"*{split}*qrels*{code}*")


def _loaded(
    options: Options,
    qrels: pa.Table,
    queries: Path,
    judged: list[Path],
    corpus: list[tuple[Path, str]],
    code: str | None,
) -> Loaded:
    if options.source != "original" and code is None:
        raise EvalError(f"{options.name}: queries translated into one language do not fit a pool of several; "
                        "leave --source original")  # fmt: skip
    tag = "en" if options.source == "original" else {value: key for key, value in CODES.items()}[str(code)]
    fields = options.fields or ("title", "description")
    only = frozenset(qrels["qid"].to_pylist())
    reading = Reading(lang=tag, fields=fields, source=options.source, translated=code, only=only)
    documents: Documents | None = json_documents(corpus, _text, ids=("id", "docid")) if corpus else None
    return Loaded(
        queries=read_topics(queries, reading),
        qrels=qrels,
        documents=documents,
        files=(("corpus", [path for path, _ in corpus]), ("queries", [queries]), ("qrels", judged)),
    )


def _corpus(files: Files, code: str, *patterns: str) -> list[Path]:
    found = files.all("corpus", *patterns)
    if len(found) > 1:  # --corpus gives those of all languages
        found = [path for path in found if code in str(path)] or found
    return [path for path in found if "topics" not in path.name and not path.name.startswith("ids")]


def _text(document: Record) -> str:
    return joined(document.get("title"), document["text"])


def _of_hc4(files: Files, options: Options) -> list[str]:
    return [tag for tag, code in CODES.items() if files.all("judged", f"{code}/{options.split}.qrels*.txt")]


def _of_neuclir(files: Files, options: Options) -> list[str]:
    if options.name.endswith("-mlir"):
        return [EVERY]
    split, common = options.split, files.all("judged", f"{options.split}-qrels.all", f"*{options.split}*qrels*.all")
    own = {tag: files.all("judged", *_own(str(split), code)) for tag, code in CODES.items()}
    return [tag for tag in CODES if common or own[tag]]


HC4 = Family(
    names=("hc4",), layout=HC4_LAYOUT, load=_load_hc4, languages=_of_hc4, splits=("test", "dev", "train"),
    labels=frozenset({0, 1, 3}),
)  # fmt: skip
NEUCLIR = Family(
    names=("neuclir", "neuclir-mlir"), layout=NEUCLIR_LAYOUT, load=_load_neuclir, languages=_of_neuclir,
    splits=("2022", "2023"), labels=frozenset({0, 1, 3}),
)  # fmt: skip
