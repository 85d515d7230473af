"""What a lexical index holds, told to people and to programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xret.indexes.choice import readable_bytes
from xret.indexes.lexical.layout import Manifest

if TYPE_CHECKING:
    from xret.indexes.lexical.lucene.layout import LuceneManifest

__all__ = ["described", "described_lucene", "fields_of", "fields_of_lucene"]


def fields_of(folder: Path, made: Manifest) -> dict[str, Any]:
    """Names and values for programs."""
    return {
        **_common(folder, made),
        "segments": len(made.segments),
        "postings": sum(segment.postings for segment in made.segments),
        "bytes": made.bytes,
    }


def fields_of_lucene(folder: Path, made: LuceneManifest) -> dict[str, Any]:
    """Names and values for programs."""
    return {**_common(folder, made), "bytes": _lucene_bytes(folder, made)}


def described(folder: Path, made: Manifest) -> list[tuple[str, str]]:
    """Rows of (name, value) for people."""
    postings = sum(segment.postings for segment in made.segments)
    terms = sum(sum(segment.terms.values()) for segment in made.segments)
    return [
        *_rows(folder, made, "lexical (BM25)"),
        ("segments", f"{len(made.segments)}, with {terms:,} terms and {postings:,} postings"),
        ("size", f"{readable_bytes(made.bytes)} in {len(made.files)} files"),
        ("made by", _listed(made.versions)),
    ]


def described_lucene(folder: Path, made: LuceneManifest) -> list[tuple[str, str]]:
    """Rows of (name, value) for people."""
    places = ", ".join(f"{language} {part.folder}" for language, part in made.parts.items())
    return [
        *_rows(folder, made, "lexical (BM25), kept by Lucene"),
        ("parts", places),
        ("size", readable_bytes(_lucene_bytes(folder, made))),
        ("made by", _listed(made.versions)),
    ]


def _common(folder: Path, made: Manifest | LuceneManifest) -> dict[str, Any]:
    return {
        "index": str(folder),
        "kind": "lexical",
        "backend": made.backend,
        "rows": made.rows,
        "languages": made.languages,
        "analyzers": made.analyzers,
        "text": made.text,
        "versions": made.versions,
    }


def _rows(folder: Path, made: Manifest | LuceneManifest, kind: str) -> list[tuple[str, str]]:
    languages = ", ".join(f"{tag} {rows:,}" for tag, rows in made.languages.items())
    return [
        ("index", str(folder)),
        ("kind", kind),
        ("rows", f"{made.rows:,}"),
        ("languages", f"{len(made.languages)}: {languages}"),
        ("analyzers", _listed(made.analyzers)),
        ("texts", "kept" if made.text else "left out"),
    ]


def _listed(pairs: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in pairs.items())


def _lucene_bytes(folder: Path, made: LuceneManifest) -> int:
    files = (path for part in made.parts.values() for path in (folder / part.folder).iterdir())
    return sum(path.stat().st_size for path in files if path.is_file())
