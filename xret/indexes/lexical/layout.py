"""The folder of a lexical index: which files hold what, written first and named by the manifest last.

    manifest.json            analyzers, languages with counts, segments, checksums, versions
    rows-00001.arrow         rows of a segment: id, lang, length (terms in the text) and, unless left out, text
    terms-00001.arrow        its terms, language by language, in order of their bytes; where their postings end
    postings-00001.arrow     the row within the segment and the count, term by term
    deleted-00002.arrow      the row numbers deleted so far

What a term weighs is worked out when it is searched for, from counts alone: so an index that was added to and deleted
from gives exactly the scores of one that was built anew, and the parameters of BM25 can be chosen per search. Changes
follow the rules of `xret.indexes.dense.layout`: new files, then the manifest, then the old files go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from xret.artifact import MANIFEST, read_manifest, write_manifest
from xret.errors import InputError
from xret.indexes.changing import see_file, steadily
from xret.indexes.dense.layout import Sealed

__all__ = ["REMEDY", "Manifest", "Segment", "read_steadily"]

Found = TypeVar("Found")
REMEDY = "build the index again"
KIND = "lexical"


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A run of consecutive rows with their postings."""

    number: int
    rows: int
    terms: dict[str, int]
    """Distinct terms per language (first subtag), languages in the order of the file."""
    postings: int

    def file(self, part: str) -> str:
        """The name of a file: part ``rows``, ``terms`` or ``postings``."""
        return f"{part}-{self.number:05d}.arrow"

    @property
    def files(self) -> tuple[str, str, str]:
        """Its three files."""
        return self.file("rows"), self.file("terms"), self.file("postings")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything about an index but its rows."""

    rows: int
    """Rows that can be found (deleted ones not counted)."""
    languages: dict[str, int]
    """Rows per language tag."""
    analyzers: dict[str, str]
    """The analyzer of every language (first subtag) that the index has or was told of."""
    text: bool
    """Whether the texts are stored."""
    segments: tuple[Segment, ...] = ()
    deleted: str | None = None
    backend: str = "xret"
    versions: dict[str, str] = field(default_factory=dict)
    files: dict[str, Sealed] = field(default_factory=dict)

    @property
    def encoder(self) -> None:
        """None: nothing was encoded."""

    @property
    def encoder_hash(self) -> None:
        """None."""

    @property
    def bytes(self) -> int:
        """Size on disk, the manifest apart."""
        return sum(sealed.bytes for sealed in self.files.values())

    @property
    def next_number(self) -> int:
        """A number that no file named here bears."""
        return max((int(name.split("-")[1].split(".")[0]) for name in self.files), default=0) + 1

    def write(self, folder: Path) -> None:
        """Replace the folder's manifest, in one step."""
        write_manifest(folder, {"kind": "index", "type": KIND, "complete": True, **asdict(self)})

    def sweep(self, folder: Path) -> None:
        """Remove files that are not named here: replaced ones, and those of an interrupted change."""
        for pattern in ("rows-*.arrow", "terms-*.arrow", "postings-*.arrow", "deleted-*.arrow"):
            for path in folder.glob(pattern):
                if path.name not in self.files:
                    path.unlink(missing_ok=True)

    @staticmethod
    def read(folder: Path) -> Manifest:
        """The manifest of an index folder; every file it names is there and has its size.

        Raises:
            InputError: no lexical index there, an incomplete manifest, or a missing or truncated file.
        """
        fields = read_manifest(folder, kind="index")
        if fields.get("type") != KIND:
            raise InputError(f"{folder}: is an index of type '{fields.get('type', 'dense')}', wanted '{KIND}'")
        try:
            manifest = _parse({key: value for key, value in fields.items() if key not in ("kind", "type", "complete")})
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise InputError(f"{Path(folder) / MANIFEST}: incomplete ({error}); {REMEDY}") from error
        for name, sealed in manifest.files.items():
            see_file(Path(folder) / name, sealed.bytes)
        return manifest


def read_steadily(folder: Path, read: Callable[[Path, Manifest], Found]) -> Found:
    """What `read` makes of a folder and its manifest, read once more if another process replaced it meanwhile.

    Raises:
        InputError: what `Manifest.read` and `read` raise.
    """
    return steadily(folder, lambda: read(folder, Manifest.read(folder)))


def _parse(fields: Mapping[str, Any]) -> Manifest:
    segments = tuple(Segment(**segment) for segment in fields["segments"])
    files = {name: Sealed(**sealed) for name, sealed in fields["files"].items()}
    for segment in segments:
        [files[name] for name in segment.files]  # KeyError: a segment without its files
    return Manifest(**{**fields, "segments": segments, "files": files})
