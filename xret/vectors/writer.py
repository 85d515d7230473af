"""Writes a store shard by shard into ``OUT.partial``, which becomes ``OUT`` when complete; a killed run can go on."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret import __version__
from xret.artifact import MANIFEST, atomic_file, file_hash, read_manifest, write_manifest
from xret.errors import InputError, MismatchError, VectorsError
from xret.vectors.shard import shard_name, write_shard
from xret.vectors.store import Vectors

__all__ = ["SHARD_ROWS", "VectorsWriter", "check_new", "check_same", "checked", "write_vectors"]

logger = logging.getLogger("xret")
SHARD_ROWS = 16_384
_FORMAT = 1  # of the folder's layout
_COMPARED = {  # manifest field -> what it is called when two runs differ in it
    "encoder_hash": "encoder", "precision": "precision", "role": "role", "corpus_hash": "corpus", "dim": "dim",
    "dtype": "dtype", "shard_rows": "shard rows", "total": "rows",
}  # fmt: skip


class VectorsWriter:
    """A store being written.

    Attributes:
        fields: what the manifest tells of the whole.
        spare: by number, shards of the run that is resumed behind one that was damaged; they are taken when their turn
            comes.
    """

    def __init__(
        self,
        out: Path,
        *,
        dim: int,
        dtype: str = "float16",
        fields: Mapping[str, Any] | None = None,
        resume: bool = False,
        mend: bool = False,
    ) -> None:
        """Begin, or go on with what an interrupted run left.

        Args:
            out: the folder to make.
            dim: values per row.
            dtype: ``float16`` or ``float32``.
            fields: what else the manifest tells (encoder, encoder_hash, role …), settled before the first row.
            resume: keep the finished shards of ``OUT.partial``, when they were made with the same fields.
            mend: of these, let those that were changed since be written again, instead of refusing to go on.

        Raises:
            InputError: `out` exists, or an interrupted run is there and `resume` is off, or it cannot be written.
            MismatchError: the interrupted run had other settings; the message names both.
            VectorsError: a finished shard has been changed since and `mend` is off, or an unknown dtype.
        """
        if dtype not in ("float16", "float32"):
            raise VectorsError(f"dtype '{dtype}' is not known; known: float16, float32")
        self.out, self.dim, self.dtype = Path(out), dim, dtype
        self.partial = self.out.with_name(self.out.name + ".partial")
        self.fields = {
            **(fields or {}), "kind": "vectors", "format": _FORMAT, "xret": __version__, "dim": dim, "dtype": dtype,
            "normalized": True,
        }  # fmt: skip
        self._shards: list[dict[str, Any]] = []
        self.spare: dict[int, dict[str, Any]] = {}
        check_new(self.out)
        if self.partial.exists():
            self._continue(resume, mend)
        self._begin()

    @property
    def rows(self) -> int:
        """Rows in finished shards, counting those of the run that is resumed."""
        return sum(int(shard["rows"]) for shard in self._shards)

    @property
    def shards(self) -> int:
        """Finished shards."""
        return len(self._shards)

    def total(self, fact: str) -> int:
        """The sum of a fact over the finished shards (see `write`)."""
        return sum(int(shard.get(fact, 0)) for shard in self._shards)

    def write(self, ids: pa.Array, vectors: NDArray[Any], **facts: Any) -> None:
        """Add one shard and record it, durably, before returning.

        Args:
            ids: one string per row.
            vectors: (rows, dim) float; stored in the store's dtype.
            facts: kept beside the shard in the manifest (``cut=3``).

        Raises:
            VectorsError: another width or number of ids, or a value that is NaN, infinite or too large for float16.
            InputError: the disk is full.
        """
        values = checked(ids, vectors, dim=self.dim, dtype=self.dtype, where=self.out)
        path = self._next()
        with atomic_file(path) as temporary:
            write_shard(temporary, ids, values)
        self._shards.append({"file": path.name, "rows": len(ids), "sha256": file_hash(path), **facts})
        self._record(complete=False)

    def adopt(self, shard: Path, *, rows: int, sha256: str, **facts: Any) -> None:
        """Add a shard that another process has written to `shard`, a file in `partial`: it gets its name, durably.

        Args:
            shard: the file.
            rows: in it.
            sha256: of its bytes.
            facts: as in `write`.
        """
        path = self._next()
        os.replace(shard, path)
        self._shards.append({"file": path.name, "rows": rows, "sha256": sha256, **facts})
        self._record(complete=False)

    def finish(self) -> Vectors:
        """Mark the store complete, give it its name and open it."""
        self._record(complete=True)
        os.replace(self.partial, self.out)
        return Vectors.open(self.out)

    def _next(self) -> Path:
        return self.partial / shard_name(len(self._shards))

    def _begin(self) -> None:
        try:
            self.partial.mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{self.out}: cannot write here ({error.strerror}); give an existing, writable folder"
            ) from error
        self._record(complete=False)

    def _record(self, *, complete: bool) -> None:
        while len(self._shards) in self.spare:
            self._shards.append(self.spare.pop(len(self._shards)))
        fields = {**self.fields, "complete": complete, "rows": self.rows, "shards": self._shards}
        write_manifest(self.partial, fields | ({"spare": self.spare} if self.spare else {}))

    def _continue(self, resume: bool, mend: bool) -> None:
        if not (self.partial / MANIFEST).is_file():  # killed before anything was recorded
            return
        manifest = read_manifest(self.partial, kind="vectors")
        if not resume:
            total = f" of {manifest['total']}" if "total" in manifest else ""
            raise InputError(
                f"{self.partial}: holds an interrupted run ({manifest.get('rows', 0)}{total} rows); "
                "add --resume (resume=True) to go on, or remove it"
            )
        check_same(self.partial, manifest, self.fields)
        shards = dict(enumerate(manifest.get("shards", [])))
        shards |= {int(number): shard for number, shard in manifest.get("spare", {}).items()}
        for number, shard in shards.items():
            path = self.partial / Path(shard["file"]).name
            if path.is_file() and file_hash(path) == shard["sha256"]:
                self.spare[number] = shard
            elif mend:
                logger.warning("%s: was changed since it was written; it is made again", path)
            else:
                raise VectorsError(f"{path}: was changed since it was written; remove {self.partial} and start again")
        for left in self.partial.glob(".*.part"):  # what the kill interrupted
            left.unlink()


def checked(ids: pa.Array, vectors: NDArray[Any], *, dim: int, dtype: str, where: object) -> NDArray[Any]:
    """Vectors in the store's dtype.

    Args:
        ids: one string per row.
        vectors: (rows, dim) float.
        dim: values per row.
        dtype: ``float16`` or ``float32``.
        where: they go, for messages.

    Raises:
        VectorsError: another width or number of ids, or a value that is NaN, infinite or too large for float16.
    """
    with np.errstate(over="ignore"):
        values = np.asarray(vectors).astype(dtype, copy=False)
    if values.ndim != 2 or values.shape != (len(ids), dim):
        raise VectorsError(f"{where}: vectors are {values.shape}, wanted {(len(ids), dim)}")
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise VectorsError(f"{where}: the vector of id '{ids[row]}' holds NaN or infinity")
    return values


def check_new(out: Path) -> None:
    """Refuse to write over what is there (InputError); for callers with long work before the first row."""
    if Path(out).exists():
        raise InputError(f"{out}: exists already; remove it or choose another name")


def check_same(place: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse to mix two runs.

    Raises:
        MismatchError: a setting differs; names it and both values.
    """
    for key, label in _COMPARED.items():
        if found.get(key) != wanted.get(key):
            old, new = (_show(key, fields) for fields in (found, wanted))
            raise MismatchError(
                f"{place}: was made with {label} {old}, this run has {new}; remove it or choose another name"
            )


def write_vectors(
    out: Path,
    blocks: Iterable[tuple[Iterable[str], NDArray[Any]]],
    *,
    dim: int,
    dtype: str = "float16",
    fields: Mapping[str, Any] | None = None,
) -> Vectors:
    """Write a store from (ids, vectors) blocks; each block becomes a shard.

    Args:
        out: the folder to make.
        blocks: string ids and (rows, dim) vectors of length 1.
        dim: values per row.
        dtype: ``float16`` or ``float32``.
        fields: further fields of the manifest.

    Raises:
        InputError, VectorsError: as `VectorsWriter`.
    """
    writer = VectorsWriter(out, dim=dim, dtype=dtype, fields=fields)
    for ids, vectors in blocks:
        writer.write(pa.array(list(ids), pa.string()), vectors)
    return writer.finish()


def _show(key: str, fields: Mapping[str, Any]) -> str:
    value = fields.get(key)
    short = str(value)[:12] if key.endswith("_hash") else str(value)
    return f"'{fields.get('encoder')}' ({short})" if key == "encoder_hash" else f"'{short}'"
