"""The folder of a multi-vector index: which files hold what, written first and named by the manifest last.

    manifest.json                 codec, encoder, languages with counts, parts, checksums, versions
    centroids.npy                 (k, width) int8
    books.npy                     (1 or bytes, 256, span) float32: what a byte of a code stands for
    levels.npy                    float32
    basis.npy                     (dim, width) float32, where vectors were brought to fewer dimensions
    part-00001.arrow              documents of a part: id, lang and, unless left out, doc_id and text
    part-00001.starts.npy         (documents + 1,) uint32: where the tokens of each begin
    part-00001.cells.npy          (tokens,) uint8, uint16 or uint32: the nearest centroid of each
    part-00001.codes.npy          (tokens, bytes) uint8: coded residuals
    part-00001.lists.npy          (k + 1,) uint32: where the postings of each centroid begin
    part-00001.postings.npy       (pairs,) uint16: ascending documents with a token nearest to it, each once
    deleted-00002.arrow           the row numbers deleted so far

Every file is written once and never changed; a change writes new ones and then replaces the manifest, as in a dense
index (see `xret.indexes.dense.layout`). A part has at most 65,536 documents, so that a posting takes two bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tokenize import TokenError
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from xret.artifact import MANIFEST, read_manifest, write_manifest
from xret.errors import InputError
from xret.indexes.changing import see_file, steadily
from xret.indexes.dense.layout import Sealed, seal
from xret.indexes.multivector.codec import CodecName

__all__ = ["REMEDY", "Ceiling", "Manifest", "Part", "map_array", "next_number", "read_steadily", "save_array", "sweep"]

Found = TypeVar("Found")
REMEDY = "build the index again"
ARRAYS = ("starts", "cells", "codes", "lists", "postings")


@dataclass(frozen=True, kw_only=True)
class Part:
    """A run of consecutive documents with postings of its own."""

    name: str
    rows: int
    tokens: int
    residual: float
    """Mean squared length of the residuals: grows as documents come that the centroids were not made from."""

    @property
    def files(self) -> tuple[str, ...]:
        """Names of its files."""
        return (f"{self.name}.arrow", *(f"{self.name}.{array}.npy" for array in ARRAYS))


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """What a search of all documents finds with the codes of what it finds with the vectors, over held-out queries."""

    recall_10: float
    recall_100: float | None
    """None where there are too few documents to tell."""
    queries: int
    documents: int


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything about an index but its documents."""

    codec: CodecName
    dim: int
    """Values of a token vector as the encoder gives it."""
    width: int
    """Values that are coded."""
    centroids: int
    step: float
    """Of the centroids' codes."""
    rows: int
    """Documents that can be found (deleted ones not counted)."""
    tokens: int
    """Token vectors stored, those of deleted documents included."""
    encoder: str | None
    encoder_hash: str | None
    similarity: Literal["sum", "mean"]
    """Over a query's tokens."""
    fade: float = 0.0
    """Of a document's vectors, see `xret.fading.faded`."""
    languages: dict[str, int]
    """Documents per language tag."""
    text: bool
    """Whether the texts are stored."""
    pool: int
    """Token vectors that became one, on average; 1 for none."""
    residual: float
    """Of all that it was built of; see `Part.residual`."""
    ceiling: Ceiling | None
    seed: int
    parts: tuple[Part, ...] = ()
    deleted: str | None = None
    versions: dict[str, str] = field(default_factory=dict)
    files: dict[str, Sealed] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Size on disk, the manifest apart."""
        return sum(sealed.bytes for sealed in self.files.values())

    @property
    def vector_bytes(self) -> int:
        """The same without ids, languages and texts."""
        return sum(sealed.bytes for name, sealed in self.files.items() if name.endswith(".npy"))

    def write(self, folder: Path, *, complete: bool = True, **more: Any) -> None:
        """Replace the folder's manifest, in one step."""
        write_manifest(folder, {"kind": "index", "type": "multivector", "complete": complete, **asdict(self), **more})

    @staticmethod
    def read(folder: Path) -> Manifest:
        """The manifest of an index folder; every file it names is there and has its size.

        Raises:
            InputError: no multi-vector index there, an incomplete manifest, or a missing or truncated file.
        """
        fields = read_manifest(folder, kind="index")
        if fields.get("type") != "multivector":
            raise InputError(f"{folder}: is an index of kind '{fields.get('type')}', wanted 'multivector'")
        if not fields.get("complete"):
            raise InputError(f"{folder}: is an index that was never finished; build it again, or go on with its build")
        return Manifest.of(folder, fields)

    @staticmethod
    def of(folder: Path, fields: Mapping[str, Any]) -> Manifest:
        """The manifest that `write` wrote as these fields; fields that are not its own are left out.

        Raises:
            InputError: incomplete, or a file missing or truncated.
        """
        known = {name: fields[name] for name in Manifest.__dataclass_fields__ if name in fields}
        try:
            manifest = _parse(known)
        except (TypeError, KeyError, AttributeError, ValueError) as error:
            raise InputError(f"{Path(folder) / MANIFEST}: incomplete ({error}); {REMEDY}") from error
        for name, sealed in manifest.files.items():
            see_file(Path(folder) / name, sealed.bytes)
        return manifest


def read_steadily(folder: Path, read: Callable[[Path, Manifest], Found]) -> Found:
    """What `read` makes of a folder and its manifest, while other processes may be changing the index.

    A failure counts only if the manifest is still the one that was read; else everything is read once more.

    Raises:
        InputError: what `Manifest.read` and `read` raise.
    """
    return steadily(folder, lambda: read(folder, Manifest.read(folder)))


def next_number(manifest: Manifest) -> int:
    """A number that no file named by the manifest bears."""
    return max((int(name.split("-")[1].split(".")[0]) for name in manifest.files if "-" in name), default=0) + 1


def sweep(folder: Path, manifest: Manifest) -> None:
    """Remove files that the manifest no longer names: replaced ones, and those of an interrupted change."""
    for pattern in ("part-*", "deleted-*"):
        for path in folder.glob(pattern):
            if path.name not in manifest.files:
                path.unlink(missing_ok=True)


def save_array(folder: Path, name: str, array: npt.NDArray[Any]) -> Sealed:
    """Write ``NAME.npy``; not atomic by itself."""
    path = folder / name
    np.save(path, np.ascontiguousarray(array), allow_pickle=False)
    return seal(path)


def map_array(folder: Path, name: str, *, shape: tuple[int | None, ...], kinds: str = "u") -> npt.NDArray[Any]:
    """``NAME.npy``, not read but mapped.

    Args:
        folder: of the index.
        name: of the file.
        shape: that it must have; None for any length.
        kinds: NumPy's letters of the kinds of number it may hold.

    Raises:
        InputError: unreadable, or of another shape or type.
    """
    path = folder / name
    try:
        found = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError, SyntaxError, TokenError) as error:
        raise InputError(f"{path}: not a readable array ({error}); {REMEDY}") from error
    fits = len(found.shape) == len(shape) and all(w in (None, g) for g, w in zip(found.shape, shape, strict=True))
    if not fits or found.dtype.kind not in kinds:
        raise InputError(f"{path}: holds {found.dtype}{list(found.shape)}, wanted {list(shape)}; {REMEDY}")
    return found


def _parse(fields: Mapping[str, Any]) -> Manifest:
    parts = tuple(Part(**part) for part in fields["parts"])
    files = {name: Sealed(**sealed) for name, sealed in fields["files"].items()}
    for part in parts:
        [files[name] for name in part.files]  # KeyError: a part without its files
    ceiling = Ceiling(**fields["ceiling"]) if fields["ceiling"] else None
    if not 0 <= float(fields.get("fade", 0.0)) < math.inf:
        raise ValueError(f"fade is {fields['fade']}")
    return Manifest(**{**fields, "parts": parts, "files": files, "ceiling": ceiling})
