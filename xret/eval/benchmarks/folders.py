"""Folders in BEIR's and MTEB's layout: corpus, queries and qrels as JSON lines, tab-separated or Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from xret.corpus.languages import UNKNOWN, check_lang, is_lang
from xret.errors import EvalError
from xret.eval.benchmarks.documents import BATCH, Documents
from xret.eval.benchmarks.family import Family, Loaded, Options, one_language
from xret.eval.benchmarks.found import Files
from xret.eval.benchmarks.judgements import read_labels, united
from xret.eval.benchmarks.lines import Record
from xret.eval.benchmarks.passages import IDS, batch_of, joined, json_documents
from xret.eval.benchmarks.topics import QUERY_IDS, QUERY_TEXTS, Reading, queries_table, read_topics
from xret.packed import plain_suffix

__all__ = ["BEIR", "MTEB"]

BEIR_LAYOUT = """\
corpus.jsonl                    {"_id", "title", "text"} a line
queries.jsonl                   {"_id", "text"} a line
qrels/SPLIT.tsv                 query-id<TAB>corpus-id<TAB>score, with that header"""
MTEB_LAYOUT = """\
corpus/*.parquet (or corpus.jsonl; LANG-corpus/…)       _id, title, text
queries/*.parquet (or queries.jsonl; LANG-queries/…)    _id, text
qrels/SPLIT*, data/SPLIT*, default/SPLIT* (.tsv .jsonl .parquet; LANG-qrels/…)   query-id, corpus-id, score"""


def _load_beir(files: Files, options: Options) -> Loaded:
    qrels = files.one("qrels", f"qrels/{options.split}.tsv", f"{options.split}.tsv")
    return _loaded(options, [qrels], [files.one("queries", "queries.jsonl")], files.all("corpus", "corpus.jsonl"))


def _load_mteb(files: Files, options: Options) -> Loaded:
    split, lang = options.split, options.lang
    if lang is None and (found := _mteb_languages(files, options)):
        lang = one_language(found, files)
    before = ("",) if lang is None else (f"{lang}-", f"{lang}/", "")
    corpus = _parts(files, "corpus", [f"{name}corpus" for name in before])
    queries = _parts(files, "queries", [f"{name}queries" for name in before])
    folders = [f"{name}{part}" for name in before for part in ("qrels", "data", "default")]
    named = [f"{folder}/{split}{end}" for folder in folders for end in (".tsv", ".jsonl", "-*.parquet", ".parquet")]
    qrels = files.all("qrels", *named, f"{split}.jsonl", f"{split}.tsv")
    if not queries or not qrels:
        role = "qrels" if queries else "queries"
        raise EvalError(files.absent(role, *(named if queries else [f"{before[0]}queries/*.parquet", "queries.jsonl"])))
    return _loaded(options, qrels, queries, corpus)


def _parts(files: Files, role: str, names: list[str]) -> list[Path]:
    """The shards of one table: ``corpus/*.parquet``, ``corpus/*.jsonl``, ``corpus.jsonl``."""
    return files.all(role, *(f"{name}{end}" for name in names for end in ("/*.parquet", "/*.jsonl", ".jsonl")))


def _loaded(options: Options, qrels: list[Path], queries: list[Path], corpus: list[Path]) -> Loaded:
    lang = check_lang(options.lang) if options.lang is not None else UNKNOWN
    judged = united([read_labels(path) for path in qrels])
    asked = pa.concat_tables([_queries(path, lang) for path in queries])
    # a set's queries are those of all its splits; this split has those that it judges
    mine = set(judged["qid"].to_pylist())
    kept = asked.filter(pa.array([name in mine for name in asked["id"].to_pylist()]))
    return Loaded(
        queries=kept if kept.num_rows else asked,
        qrels=judged,
        documents=_documents(corpus, lang) if corpus else None,
        files=(("corpus", corpus), ("queries", queries), ("qrels", qrels)),
    )


def _queries(path: Path, lang: str) -> pa.Table:
    if plain_suffix(path) != ".parquet":
        return read_topics(path, Reading(lang=lang))
    rows = []
    for batch in _batches(path, QUERY_IDS, QUERY_TEXTS):
        rows += [(f"{path}: query '{name}'", name, text or "") for name, text, _ in batch]
    return queries_table(rows, lang)


def _documents(corpus: list[Path], lang: str) -> Documents:
    if plain_suffix(corpus[0]) != ".parquet":
        return json_documents([(path, lang) for path in corpus], _text)

    def read() -> Iterator[pa.RecordBatch]:
        for path in corpus:
            for rows in _batches(path, IDS, ("text", "contents")):
                texts = [joined(title, text, by=" ") for _, text, title in rows]
                yield batch_of([name for name, _, _ in rows], lang, texts, [title for _, _, title in rows])

    return Documents(read, label=str(corpus[0]))


def _batches(
    path: Path, ids: tuple[str, ...], texts: tuple[str, ...]
) -> Iterator[list[tuple[str, str | None, str | None]]]:
    """Rows of (id, text, title or None) of a Parquet file, a batch at a time."""
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            chosen = [next((name for name in wanted if name in names), None) for wanted in (ids, texts)]
            if None in chosen:
                raise EvalError(f"{path}: wanted columns {ids[0]} and {texts[0]}; found: {', '.join(names)}")
            title = "title" if "title" in names and "title" not in chosen else None
            wanted = [name for name in (*chosen, title) if name]
            for batch in file.iter_batches(batch_size=BATCH, columns=wanted):
                columns = [batch.column(name).cast(pa.string()).to_pylist() for name in wanted]
                yield list(zip(*columns, *([] if title else [[None] * batch.num_rows]), strict=True))
    except (pa.ArrowException, OSError) as error:
        raise EvalError(
            f"{path}: not a readable Parquet file ({str(error).splitlines()[0]}); fetch it again"
        ) from error


def _text(document: Record) -> str:
    return joined(document.get("title"), document["text"], by=" ")  # as BEIR and MTEB do


def _mteb_languages(files: Files, options: Options) -> list[str]:
    return [name for name in files.folders("{}-corpus") if is_lang(name)]


SPLITS = ("test", "dev", "train")
BEIR = Family(names=("beir",), layout=BEIR_LAYOUT, load=_load_beir, languages=lambda *_: [], splits=SPLITS, each=False)
MTEB = Family(
    names=("mteb",), layout=MTEB_LAYOUT, load=_load_mteb, languages=_mteb_languages, splits=SPLITS, each=False
)
