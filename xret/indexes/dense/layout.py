"""The folder of a dense index: which files hold what, written first and named by the manifest last.

    manifest.json          factory, encoder, dimension, languages with counts, parts, checksums, versions
    empty.faiss            the FAISS index, trained but without rows: every part begins as a copy
    part-00001.faiss       vectors of a run of rows, searchable on their own
    part-00001.arrow       the same rows: id, lang and, unless left out, text and title
    deleted-00002.arrow    the row numbers deleted so far

A row's number (int64) is its position over all parts in order. Every change writes files under new names and then
replaces the manifest: whatever happens between, the old index stays readable. Then the files it no longer names are
removed. Who has them open keeps them; who has read the old manifest and comes too late for them begins again with the
new one (`read_steadily`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from xret.artifact import MANIFEST, file_hash, read_manifest, write_manifest
from xret.errors import InputError
from xret.indexes.changing import see_file, steadily
from xret.mapped import map_table

__all__ = ["Manifest", "Part", "Sealed", "locked", "next_number", "read_steadily", "seal", "sweep"]

Found = TypeVar("Found")
REMEDY = "build the index again"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A run of consecutive rows with a FAISS index of its own."""

    rows: int
    vectors: str
    table: str


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """What a finished file must look like."""

    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything about an index but its rows."""

    factory: str
    reason: str
    """Why this factory."""
    dim: int
    rows: int
    """Rows that can be found (deleted ones not counted)."""
    encoder: str | None
    """Name of the encoder that made the vectors; None for vectors of unknown origin."""
    encoder_hash: str | None
    languages: dict[str, int]
    """Rows per language tag."""
    text: bool
    """Whether the texts are stored."""
    empty: str = "empty.faiss"
    parts: tuple[Part, ...] = ()
    deleted: str | None = None
    probes: int | None = None
    """Lists a query looks into unless told otherwise (factories with lists only)."""
    seed: int = 0
    centred: str | None = None
    """How the vectors were moved by the offsets of their languages; None: they were not."""
    versions: dict[str, str] = field(default_factory=dict)
    files: dict[str, Sealed] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Size on disk, the manifest apart."""
        return sum(sealed.bytes for sealed in self.files.values())

    def write(self, folder: Path) -> None:
        """Replace the folder's manifest, in one step."""
        fields = {name: value for name, value in asdict(self).items() if name != "centred" or value is not None}
        write_manifest(folder, {"kind": "index", "type": "dense", "complete": True, **fields})

    @staticmethod
    def read(folder: Path) -> Manifest:
        """The manifest of an index folder; every file it names is there and has its size.

        Raises:
            InputError: no dense index there, an incomplete manifest, or a missing or truncated file.
        """
        fields = read_manifest(folder, kind="index")
        if fields.get("type") != "dense":
            raise InputError(f"{folder}: is an index of type '{fields.get('type')}', wanted 'dense'")
        try:
            manifest = _parse(
                {name: value for name, value in fields.items() if name not in ("kind", "type", "complete")}
            )
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise InputError(f"{Path(folder) / MANIFEST}: incomplete ({error}); build the index again") from error
        for name, sealed in manifest.files.items():
            see_file(Path(folder) / name, sealed.bytes)
        return manifest


def read_steadily(folder: Path, read: Callable[[Path, Manifest], Found], *, trust: bool = False) -> Found:
    """What `read` makes of a folder and its manifest, while other processes may be changing the index.

    Files that an old manifest names go away when a change is complete. So a failure counts only if the manifest is
    still the one that was read; if it was replaced meanwhile, everything is read once more.

    Args:
        folder: of the index.
        read: what to do.
        trust: do not count the rows first (`read` does so itself).

    Raises:
        InputError: what `Manifest.read` and `read` raise.
    """

    def once() -> Found:
        manifest = Manifest.read(folder)
        if not trust:
            _count(folder, manifest)
        return read(folder, manifest)

    return steadily(folder, once)


def seal(path: Path) -> Sealed:
    """Flush a finished file to the disk; its size and checksum."""
    with open(path, "rb+") as stream:
        os.fsync(stream.fileno())
    return Sealed(bytes=path.stat().st_size, sha256=file_hash(path))


def next_number(manifest: Manifest) -> int:
    """A number that no file named by the manifest bears."""
    return max((int(name.split("-")[1].split(".")[0]) for name in manifest.files if "-" in name), default=0) + 1


def sweep(folder: Path, manifest: Manifest) -> None:
    """Remove part files that the manifest no longer names: replaced ones, and those of an interrupted change."""
    for pattern in ("part-*.faiss", "part-*.arrow", "deleted-*.arrow"):
        for path in folder.glob(pattern):
            if path.name not in manifest.files:
                path.unlink(missing_ok=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other xret processes from changing the index meanwhile; readers are not disturbed.

    Raises:
        InputError: no such folder, or another process is changing it.
    """
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        yield
        return
    if not Path(folder).is_dir():
        raise InputError(f"{folder}: no such folder; wanted an index folder made by xret")
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise InputError(f"{folder}: another process is changing this index; wait for it and try again") from error
    finally:
        os.close(handle)


def _parse(fields: Mapping[str, Any]) -> Manifest:
    parts = tuple(Part(**part) for part in fields["parts"])
    files = {name: Sealed(**sealed) for name, sealed in fields["files"].items()}
    for part in parts:
        files[part.vectors], files[part.table]  # KeyError: a part without its files
    return Manifest(**{**fields, "parts": parts, "files": files})


def _count(folder: Path, manifest: Manifest) -> None:
    """Compare the manifest's rows with the ids there are: an edited manifest is told before it leads astray."""
    deleted = map_table(folder / manifest.deleted, remedy=REMEDY).num_rows if manifest.deleted else 0
    ids = sum(map_table(folder / part.table, remedy=REMEDY).num_rows for part in manifest.parts)
    if (rows := ids - deleted) != manifest.rows:
        raise InputError(
            f"{folder}: has {rows:,} rows, the manifest says {manifest.rows!r}; run xret index check {folder}"
        )
