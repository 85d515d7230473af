"""What every kind of index can do (see `xret.indexes.kinds.Verbs`), for lexical ones of both backends."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from xret.artifact import read_manifest
from xret.errors import InputError, UsageError
from xret.indexes.kinds import known_options
from xret.indexes.lexical.analyzers import base_language
from xret.indexes.lexical.build import build_index, by_language
from xret.indexes.lexical.change import add_to_index, compact_index, delete_from_index
from xret.indexes.lexical.check import check_index
from xret.indexes.lexical.describe import described, described_lucene, fields_of, fields_of_lucene
from xret.indexes.lexical.layout import Manifest, read_steadily
from xret.indexes.lexical.opened import LexicalIndex
from xret.indexes.lexical.opened import open_index as open_own
from xret.indexes.lexical.scoring import BM25
from xret.indexes.lexical.search import search_index

if TYPE_CHECKING:
    from xret.indexes.lexical.lexicons import Translated
    from xret.indexes.lexical.lucene.layout import LuceneManifest
    from xret.indexes.lexical.lucene.read import LuceneIndex

__all__ = ["add", "build", "check", "compact", "delete", "fields", "given_analyzers", "info", "open_index", "search"]

logger = logging.getLogger("xret")
IGNORED = ("threads", "device", "encoder", "work", "progress")
"""Options of kinds that encode; there is nothing to encode here."""
BACKENDS = ("xret", "lucene")


def build(target: Path, corpus: pa.Table, **options: Any) -> Mapping[str, Any]:
    """Make an index folder.

    Options: `analyzers` (a dict, or strings ``LANG=ANALYZER``), `backend` (``xret`` or ``lucene``), `text`, `progress`.
    """
    given = _known(options, "analyzers", "backend", "text", "progress")
    analyzers, text = given_analyzers(given.get("analyzers")), given.get("text", True)
    backend = given.get("backend") or "xret"
    if backend not in BACKENDS:
        raise UsageError(f"there is no backend '{backend}' for a lexical index; known: {', '.join(BACKENDS)}")
    if backend == "lucene":
        from xret.indexes.lexical.lucene.write import build_lucene

        build_lucene(target, corpus, analyzers=analyzers, text=text)
    else:
        build_index(target, corpus, analyzers=analyzers, text=text, progress=bool(given.get("progress")))
    return fields(target)


def add(folder: Path, corpus: pa.Table, **options: Any) -> Mapping[str, Any]:
    """Append rows; options: `replace`, `analyzers`, `progress`."""
    given = _known(options, "analyzers", "replace", "progress")
    analyzers, replacing = given_analyzers(given.get("analyzers")), bool(given.get("replace"))
    if _by_lucene(folder):
        from xret.indexes.lexical.lucene.change import add_to_lucene

        add_to_lucene(folder, corpus, analyzers=analyzers, replacing=replacing)
    else:
        progress = bool(given.get("progress"))
        add_to_index(folder, corpus, analyzers=analyzers, replacing=replacing, progress=progress)
    return fields(folder)


def delete(folder: Path, ids: Sequence[str]) -> Mapping[str, Any]:
    """Make rows impossible to find."""
    if _by_lucene(folder):
        from xret.indexes.lexical.lucene.change import delete_from_lucene

        delete_from_lucene(folder, ids)
    else:
        delete_from_index(folder, ids)
    return fields(folder)


def compact(folder: Path, **options: Any) -> Mapping[str, Any]:
    """Take deleted rows out and join small segments."""
    _known(options)
    if _by_lucene(folder):
        from xret.indexes.lexical.lucene.change import compact_lucene

        compact_lucene(folder)
    else:
        compact_index(folder)
    return fields(folder)


def fields(folder: Path) -> dict[str, Any]:
    """What an index holds, for programs."""
    if _by_lucene(folder):
        return fields_of_lucene(Path(folder), _lucene_manifest(folder))
    return fields_of(Path(folder), _manifest(folder))


def info(folder: Path) -> list[tuple[str, str]]:
    """What an index holds, for people."""
    if _by_lucene(folder):
        return described_lucene(Path(folder), _lucene_manifest(folder))
    return described(Path(folder), _manifest(folder))


def check(folder: Path) -> Mapping[str, Any]:
    """Compare everything with the manifest, and search a sample."""
    if _by_lucene(folder):
        from xret.indexes.lexical.lucene.check import check_lucene

        return asdict(check_lucene(folder))
    return asdict(check_index(folder))


def open_index(folder: Path) -> LexicalIndex | LuceneIndex:
    """The index opened for reading."""
    if _by_lucene(folder):
        from xret.indexes.lexical.lucene.read import open_lucene

        return open_lucene(folder)
    return open_own(folder)


def search(
    index: LexicalIndex | LuceneIndex,
    queries: pa.Table,
    *,
    k: int,
    languages: Sequence[str] | None = None,
    docids: Sequence[str] | None = None,
    candidates: pa.Table | None = None,
    text: bool = False,
    threads: int | None = None,
    **options: Any,
) -> pa.Table:
    """The best k documents of every query.

    Options: `k1` and `b` of BM25; `lexicon`, a path or several, to translate the queries with, and `pivot`, the
    language to go through where it has no direct way (``en``).
    """
    given = _known(options, "k1", "b", "lexicon", "pivot")
    bm25 = BM25(**{name: float(given[name]) for name in ("k1", "b") if given.get(name) is not None})
    filters: dict[str, Any] = {"languages": languages, "docids": docids, "candidates": candidates, "text": text}
    lexicon = given.get("lexicon")
    if given.get("pivot") and not lexicon:
        raise UsageError("--pivot is a language that a --lexicon is gone through by, and none is given; leave it out")
    if not isinstance(index, LexicalIndex):
        from xret.indexes.lexical.lucene.read import search_lucene

        if lexicon:
            raise UsageError(
                f"{index.folder}: Lucene keeps this index, and --lexicon needs one of xret's own; leave it out"
            )
        return search_lucene(index, queries, k=k, bm25=bm25, threads=threads, **filters)
    if not lexicon:
        return search_index(index, queries, k=k, bm25=bm25, **filters)
    from xret.indexes.lexical.lexicons import Translated, open_lexicon

    reader = Translated(index, open_lexicon(lexicon), pivots=(given.get("pivot") or "en",))
    _tell_untranslated(index, queries, languages, reader)
    return search_index(index, queries, k=k, bm25=bm25, reader=reader, **filters)


def given_analyzers(given: Mapping[str, str] | Sequence[str] | None) -> dict[str, str]:
    """``["und=words"]`` as ``{"und": "words"}``.

    Raises:
        InputError: one is written otherwise, or two are for one language.
    """
    if given is None or isinstance(given, Mapping):
        return by_language((given or {}).items())
    pairs = [each.partition("=") for each in given]
    for each, (language, equals, spec) in zip(given, pairs, strict=True):
        if not (language and equals and spec):
            raise InputError(f"--analyzer '{each}': write it like und=words, sw=grams:4 or nds=de")
    return by_language((language, spec) for language, _, spec in pairs)


def _tell_untranslated(
    index: LexicalIndex, queries: pa.Table, languages: Sequence[str] | None, reader: Translated
) -> None:
    """Warn of queries that are searched as they are written, though they are in none of the documents' languages.

    Raises:
        UsageError: all of them are, so that the lexicon is of no use.
    """
    into = sorted({base_language(tag) for tag in index.tags(languages)} if languages else index.analyzers)
    counts = Counter(base_language(tag) for tag in queries["lang"].to_pylist())
    lost = {
        name: rows
        for name, rows in sorted(counts.items())
        if name not in into and not any(reader.translates(name, each) for each in into)
    }
    if not lost:
        return
    said = f"the lexicon has no way from {', '.join(f'{name!r}' for name in lost)} to {', '.join(into)}"
    unknown = "; say with --query-lang what language the queries are in" if "und" in lost else ""
    if sum(lost.values()) == queries.num_rows:
        raise UsageError(f"{said}{unknown or '; give another --lexicon or --pivot, or leave it out'}")
    logger.warning("%s: %s queries are searched as they are written%s", said, f"{sum(lost.values()):,}", unknown)


def _by_lucene(folder: Path) -> bool:
    return read_manifest(Path(folder), kind="index").get("backend") == "lucene"


def _manifest(folder: Path) -> Manifest:
    return read_steadily(Path(folder), lambda _, manifest: manifest)


def _lucene_manifest(folder: Path) -> LuceneManifest:
    from xret.indexes.lexical.lucene.layout import LuceneManifest

    return LuceneManifest.read(Path(folder))


def _known(options: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return known_options(options, names, index="lexical index here", ignored=IGNORED)
