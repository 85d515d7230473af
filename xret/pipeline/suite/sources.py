"""Where the data of a suite's retrieval benchmark comes from: one's own files, XQuAD-R, published sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xret.corpus import open_corpus
from xret.errors import UsageError
from xret.eval.benchmarks import Benchmark, load_benchmark
from xret.eval.benchmarks.documents import documents_of
from xret.eval.known_item import known_items
from xret.eval.protocols import Protocol, protocol
from xret.eval.protocols.retrieval import TREC_TIES, ZERO
from xret.pipeline.suite.benchmark import BenchmarkEntry
from xret.pipeline.suite.xquad import xquad_tables
from xret.runs import read_qrels
from xret.suggest import did_you_mean

__all__ = ["read_source"]

LOADER = ("lang", "split", "partial", "fields", "source", "encoding")
KNOWN_ITEM = ("queries", "separator", "least")


def read_source(entry: BenchmarkEntry, *, cache: Path | None = None) -> Benchmark:
    """All of the data, before anything is restricted.

    Args:
        entry: from the suite file; of a kind that runs answer.
        cache: a folder for imported corpora.

    Raises:
        InputError: a file that cannot be read.
        UsageError: an option that its loader does not have.
    """
    if entry.protocol is None:
        return _own(entry, cache)
    return _known(entry, cache) if entry.protocol == "known-item" else _published(entry)


def _own(entry: BenchmarkEntry, cache: Path | None) -> Benchmark:
    """A benchmark of one's own files, or of a format that is not scored by its protocol."""
    if entry.format == "xquad-r":
        corpus, queries, qrels = xquad_tables(Path(str(entry.path)))
    else:
        corpus = open_corpus(str(entry.corpus), lang=entry.lang, cache=cache)
        queries = open_corpus(str(entry.queries), lang=entry.query_lang, cache=cache)
        qrels = read_qrels(Path(str(entry.qrels)))
    documents = documents_of(corpus, label=f"{entry.name}: corpus")
    return Benchmark(protocol=_plain(entry), name=entry.name, queries=queries, qrels=qrels, documents=documents)


def _known(entry: BenchmarkEntry, cache: Path | None) -> Benchmark:
    """A corpus of one's own with translations, whose titles or sentences are the queries."""
    options: dict[str, Any] = {"queries": "title", "separator": None, "least": 4, **(entry.options or {})}
    _check_options(entry, KNOWN_ITEM)
    if options["queries"] not in ("title", "sentence"):
        raise UsageError(f"benchmark '{entry.name}': queries is {options['queries']!r}; wanted title or sentence")
    corpus = open_corpus(str(entry.path), cache=cache)
    items = known_items(corpus, langs=entry.query_languages or (), **options)
    used = protocol("known-item").varied(queries=options["queries"], least=options["least"])
    documents = documents_of(items.corpus, label=f"{entry.name}: corpus")
    return Benchmark(protocol=used, name=entry.name, queries=items.queries, qrels=items.qrels, documents=documents)


def _plain(entry: BenchmarkEntry) -> Protocol:
    """Runs against judgements as trec_eval scores them, by the measures of the entry."""
    return Protocol(
        name="files",
        title="runs against relevance judgements",
        kind="retrieval",
        measures=entry.measures,
        depth=None,
        ties=TREC_TIES,
        pool="all documents of the corpus",
        labels="as in the qrels, which are the gains; relevant from 1",
        missing=ZERO,
        average="mean over queries",
        source="https://github.com/usnistgov/trec_eval",
        data="your own",
        licence="of your data",
    )


def _published(entry: BenchmarkEntry) -> Benchmark:
    options = dict(entry.options or {})
    _check_options(entry, LOADER)
    if isinstance(options.get("fields"), list):
        options["fields"] = tuple(options["fields"])
    return load_benchmark(str(entry.protocol), Path(str(entry.path)), **options)


def _check_options(entry: BenchmarkEntry, known: tuple[str, ...]) -> None:
    for name in entry.options or {}:
        if name not in known:
            near = did_you_mean(name, known)
            raise UsageError(f"benchmark '{entry.name}': no option '{name}' of {entry.protocol}; {near}")
