"""Lucene indexes written, and indexes of Pyserini taken up."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from xret import __version__
from xret.artifact import atomic_folder
from xret.corpus import check_lang
from xret.indexes.lexical.analyzers import base_language, stemmer_version
from xret.indexes.lexical.build import rows_to_index
from xret.indexes.lexical.lucene.analysis import PREFIX, contents, lucene_spec
from xret.indexes.lexical.lucene.java import jar_version, java_class
from xret.indexes.lexical.lucene.layout import LuceneManifest, LucenePart, refuse_no_lucene

__all__ = ["adopt_lucene", "build_lucene", "by_language", "directory", "reading", "specs_of", "write_part"]

logger = logging.getLogger("xret")
BATCH = 1024  # documents handed to Lucene at a time


def build_lucene(
    target: Path, corpus: pa.Table, *, analyzers: Mapping[str, str] | None = None, text: bool = True
) -> LuceneManifest:
    """Build an index folder with a Lucene index per language; Pyserini can search each of them.

    Args:
        target: the folder to make; must not exist.
        corpus: `id, text, lang`.
        analyzers: by language, before what Lucene has (see `lucene_spec`).
        text: keep the texts.

    Raises:
        InputError: no rows, repeated ids, a language without an analyzer, `target` exists.
        MissingExtraError: Java or a jar is missing (see `java_class`).
    """
    table = rows_to_index(corpus, text=text)
    specs = specs_of(table, analyzers or {})
    with atomic_folder(target) as folder:
        parts = {}
        for language, rows in by_language(table):
            tags = write_part(folder / language, specs[language], rows, text=text, append=False)
            parts[language] = LucenePart(folder=language, analyzer=specs[language], tags=tags)
        manifest = LuceneManifest(parts=parts, text=text, versions=_versions())
        manifest.write(folder)
    return manifest


def adopt_lucene(target: Path, source: Path, *, lang: str, analyzer: str | None = None) -> LuceneManifest:
    """Make an index folder of an index that Pyserini or Anserini made; that one stays where it is, and unchanged.

    Args:
        target: the folder to make, for a manifest only.
        source: the Lucene index, with fields `id` and `contents`.
        lang: of its documents.
        analyzer: what it was made with, where that is not Lucene's for `lang`: ``lucene:en``, or ``spaces`` for texts
            that were cut into terms before (``-pretokenized``).

    Raises:
        InputError: no Lucene index there, or an unknown language.
    """
    source, tag = Path(source).resolve(), check_lang(lang)
    refuse_no_lucene(source)
    spec = analyzer or lucene_spec(tag)
    with reading(source) as reader:
        rows = int(reader.numDocs())
    part = LucenePart(folder=str(source), analyzer=spec, tags={tag: rows})
    with atomic_folder(target) as folder:
        manifest = LuceneManifest(parts={base_language(tag): part}, text=True, versions=_versions())
        manifest.write(folder)
    return manifest


def directory(folder: Path) -> Any:
    """Lucene's name for a folder."""
    return java_class("org.apache.lucene.store.FSDirectory").open(java_class("java.io.File")(str(folder)).toPath())


@contextmanager
def reading(folder: Path) -> Iterator[Any]:
    """A Lucene reader, closed in the end."""
    reader = java_class("org.apache.lucene.index.DirectoryReader").open(directory(folder))
    try:
        yield reader
    finally:
        reader.close()


def write_part(folder: Path, spec: str, rows: pa.Table, *, text: bool, append: bool) -> dict[str, int]:
    """Hand rows to Anserini's indexer, as JSON with `id`, `contents`, `lang` and, if it is not the contents, `text`.

    Returns:
        Rows written per language tag: Anserini takes no empty contents.
    """
    options = ["-index", str(folder), "-input", "", "-collection", "JsonCollection", "-threads", "1"]
    options += ["-storeDocvectors", "-storePositions", "-storeRaw"] if text else ["-storeDocvectors", "-storePositions"]
    own = not spec.startswith(PREFIX)
    options += ["-pretokenized"] if own else ["-language", spec.removeprefix(PREFIX)]
    indexer = java_class("io.anserini.index.SimpleIndexer")(options + (["-append"] if append else []))
    tags: Counter[str] = Counter()
    try:
        for start in range(0, rows.num_rows, BATCH):
            made = [(row["lang"], _json(row, spec, own)) for row in rows.slice(start, BATCH).to_pylist()]
            kept = [(lang, document) for lang, document in made if document]
            if kept:
                indexer.addRawDocuments([document for _, document in kept])
            tags.update(lang for lang, _ in kept)
    finally:
        indexer.close()
    if left := rows.num_rows - tags.total():
        logger.warning(
            "%s: %s texts have no word and are left out, as Lucene cannot find them", folder.name, f"{left:,}"
        )
    return dict(sorted(tags.items()))


def _json(row: Mapping[str, str], spec: str, own: bool) -> str | None:
    fields = {"id": row["id"], "contents": contents(spec, row["text"]), "lang": row["lang"]}
    if not fields["contents"].strip():
        return None
    return json.dumps({**fields, "text": row["text"]} if own else fields, ensure_ascii=True)


def specs_of(table: pa.Table, given: Mapping[str, str], held: Mapping[str, str] | None = None) -> dict[str, str]:
    """The analyzer of every language of a table: as `given`, as `held` by an index, or as `lucene_spec` has it."""
    given = {base_language(check_lang(language)): spec for language, spec in given.items()}
    names = sorted({base_language(tag) for tag in pc.unique(table["lang"]).to_pylist()})
    held = held or {}
    return {name: held[name] if name in held and name not in given else lucene_spec(name, given) for name in names}


def by_language(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The rows of each language (first subtag)."""
    tags = pc.unique(table["lang"]).to_pylist()
    for language in sorted({base_language(tag) for tag in tags}):
        own = [tag for tag in tags if base_language(tag) == language]
        yield language, table.filter(pc.is_in(table["lang"], value_set=pa.array(own)))


def _versions() -> dict[str, str]:
    lucene = java_class("org.apache.lucene.util.Version").LATEST.toString()
    return {"Anserini": jar_version(), "Lucene": str(lucene), "PyStemmer": stemmer_version(), "xret": __version__}
