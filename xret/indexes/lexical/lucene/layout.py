"""The folder of a lexical index that Lucene keeps: a manifest, and a Lucene index for every language.

    manifest.json    `backend: lucene`, languages with counts, parts with their analyzers, versions
    de/              a Lucene index as Anserini and Pyserini read and write it: fields `id`, `contents`, `raw`

A part may also lie elsewhere: an index that Pyserini made, which is then searched where it is.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from xret.artifact import MANIFEST, read_manifest, write_manifest
from xret.errors import InputError

__all__ = ["LuceneManifest", "LucenePart", "refuse_no_lucene"]


@dataclass(frozen=True, kw_only=True)
class LucenePart:
    """The documents of one language.

    Attributes:
        folder: within the index, or an absolute path.
        analyzer: ``lucene:CODE``, or one of xret's (see `lucene_spec`).
        tags: rows per language tag.
    """

    folder: str
    analyzer: str
    tags: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class LuceneManifest:
    """Everything about an index but its rows; `parts` by language (first subtag)."""

    parts: dict[str, LucenePart]
    text: bool
    backend: str = "lucene"
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def languages(self) -> dict[str, int]:
        """Rows per language tag."""
        return dict(sorted((tag, rows) for part in self.parts.values() for tag, rows in part.tags.items()))

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(self.languages.values())

    @property
    def analyzers(self) -> dict[str, str]:
        """By language."""
        return {language: part.analyzer for language, part in self.parts.items()}

    def write(self, folder: Path) -> None:
        """Replace the folder's manifest, in one step."""
        write_manifest(folder, {"kind": "index", "type": "lexical", "complete": True, **asdict(self)})

    @staticmethod
    def read(folder: Path) -> LuceneManifest:
        """The manifest of an index folder; all its parts are there.

        Raises:
            InputError: no such index, an incomplete manifest, or a missing part.
        """
        fields = read_manifest(folder, kind="index")
        if fields.get("type") != "lexical" or fields.get("backend") != "lucene":
            raise InputError(f"{folder}: is no lexical index kept by Lucene")
        try:
            parts = {name: LucenePart(**part) for name, part in fields["parts"].items()}
            manifest = LuceneManifest(parts=parts, text=fields["text"], versions=fields["versions"])
        except (TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{Path(folder) / MANIFEST}: incomplete ({error}); build the index again") from error
        for part in parts.values():
            refuse_no_lucene(Path(folder) / part.folder)
        return manifest


def refuse_no_lucene(folder: Path) -> None:
    """Raise unless a folder holds a Lucene index.

    Raises:
        InputError: saying what is missing.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; wanted a Lucene index")
    if not any(folder.glob("segments_*")):
        raise InputError(f"{folder}: holds no Lucene index (no segments_N); it may have been interrupted")
