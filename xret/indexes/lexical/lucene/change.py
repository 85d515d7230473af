"""Lucene indexes changed: rows added, replaced and deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from xret.errors import InputError, MismatchError
from xret.indexes.dense.layout import locked
from xret.indexes.lexical.build import rows_to_index
from xret.indexes.lexical.lucene.analysis import SPACES, java_analyzer
from xret.indexes.lexical.lucene.java import as_class, java_class
from xret.indexes.lexical.lucene.layout import LuceneManifest, LucenePart
from xret.indexes.lexical.lucene.queries import any_of
from xret.indexes.lexical.lucene.read import stored_tags
from xret.indexes.lexical.lucene.write import by_language, directory, reading, specs_of, write_part

__all__ = ["add_to_lucene", "compact_lucene", "delete_from_lucene"]


def add_to_lucene(
    folder: Path, corpus: pa.Table, *, analyzers: Mapping[str, str] | None = None, replacing: bool = False
) -> LuceneManifest:
    """Append rows. Every language's part changes in one step of its own; the manifest comes last.

    Raises:
        InputError: no rows, or ids that repeat or are there already.
        MismatchError: another analyzer for a language that the index has.
    """
    folder = Path(folder)
    with locked(folder):
        manifest = _own(folder)
        table = rows_to_index(corpus, text=manifest.text)
        there = _present(folder, manifest, table["id"].to_pylist())
        if there and not replacing:
            names = ", ".join(f"'{name}'" for name in sorted(there)[:3])
            raise InputError(
                f"{folder}: holds {len(there):,} of the ids to add already ({names}); leave those rows out, or delete "
                "them from the index first"
            )
        specs = specs_of(table, analyzers or {}, manifest.analyzers)
        for language, spec in specs.items():
            if manifest.analyzers.get(language, spec) != spec:
                raise MismatchError(f"{folder}: analyses language '{language}' with {manifest.analyzers[language]}")
        if there:
            manifest = _deleted(folder, manifest, sorted(there))
        parts = dict(manifest.parts)
        for language, rows in by_language(table):
            part = parts.get(language) or LucenePart(folder=language, analyzer=specs[language], tags={})
            new = not (folder / part.folder).exists()
            added = write_part(folder / part.folder, part.analyzer, rows, text=manifest.text, append=not new)
            parts[language] = replace(part, tags=dict(sorted((Counter(part.tags) + Counter(added)).items())))
        manifest = replace(manifest, parts=dict(sorted(parts.items())))
        manifest.write(folder)
    return manifest


def delete_from_lucene(folder: Path, ids: Sequence[str]) -> LuceneManifest:
    """Make rows impossible to find.

    Raises:
        InputError: an id that is not there (nothing is deleted then).
    """
    folder, wanted = Path(folder), list(dict.fromkeys(ids))
    with locked(folder):
        manifest = _own(folder)
        there = _present(folder, manifest, wanted)
        if missing := [name for name in wanted if name not in there]:
            names = ", ".join(f"'{name}'" for name in missing[:3])
            raise InputError(
                f"{folder}: does not hold {len(missing):,} of the ids to delete ({names}); nothing was deleted"
            )
        manifest = _deleted(folder, manifest, wanted)
        manifest.write(folder)
    return manifest


def compact_lucene(folder: Path) -> LuceneManifest:
    """Take deleted rows out and join each language's segments into one."""
    folder = Path(folder)
    with locked(folder):
        manifest = _own(folder)
        for part in manifest.parts.values():
            writer = _writer(folder / part.folder)
            writer.forceMerge(1)
            writer.close()
    return manifest


def _own(folder: Path) -> LuceneManifest:
    """The manifest of an index to change.

    Raises:
        InputError: a part of it is somebody else's (see `adopt_lucene`).
    """
    manifest = LuceneManifest.read(folder)
    for part in manifest.parts.values():
        if Path(part.folder).is_absolute():
            raise InputError(
                f"{folder}: searches {part.folder}, which xret did not make and does not change; use Pyserini"
            )
    return manifest


def _present(folder: Path, manifest: LuceneManifest, ids: Sequence[str]) -> set[str]:
    """Those of some ids that an index holds."""
    term = java_class("org.apache.lucene.index.Term")
    found = set()
    for part in manifest.parts.values():
        with reading(folder / part.folder) as reader:
            found |= {name for name in ids if reader.docFreq(term("id", name)) and _alive(reader, name)}
    return found


def _alive(reader: Any, name: str) -> bool:
    """Whether a document that a Lucene index has a term for is not deleted: term counts include deleted ones."""
    if not reader.hasDeletions():
        return True
    query = java_class("org.apache.lucene.search.TermQuery")(java_class("org.apache.lucene.index.Term")("id", name))
    searcher = java_class("org.apache.lucene.search.IndexSearcher")(
        as_class("org.apache.lucene.index.IndexReader", reader)
    )
    return int(searcher.count(query)) > 0


def _deleted(folder: Path, manifest: LuceneManifest, ids: Sequence[str]) -> LuceneManifest:
    parts = {}
    for language, part in manifest.parts.items():
        own = sorted(_present(folder, replace(manifest, parts={language: part}), ids))
        if own:
            gone = Counter(stored_tags(folder / part.folder, part, own))
            writer = _writer(folder / part.folder)
            writer.deleteDocuments(any_of(own))
            writer.commit()
            writer.close()
            part = replace(part, tags=dict(sorted((Counter(part.tags) - gone).items())))
        parts[language] = part
    return replace(manifest, parts=parts)


def _writer(folder: Path) -> Any:
    config = java_class("org.apache.lucene.index.IndexWriterConfig")(java_analyzer(SPACES))
    return java_class("org.apache.lucene.index.IndexWriter")(directory(folder), config)
