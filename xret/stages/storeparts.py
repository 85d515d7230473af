"""A vectors store shard by shard, to be copied or rewritten into another one."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from xret.artifact import file_hash
from xret.errors import VectorsError
from xret.vectors import SHARD_ROWS, Vectors, VectorsWriter

__all__ = ["Part", "check_part", "copy_part", "parts_of"]


@dataclass(frozen=True)
class Part:
    """Rows of a store that become one shard."""

    start: int
    stop: int
    file: Path | None  # where they lie, if they are a shard already
    fields: Mapping[str, Any]  # what the manifest says of it

    @property
    def facts(self) -> dict[str, Any]:
        """What the manifest counts of the rows, and not of the file; of how often they were expanded, not."""
        own = ("file", "rows", "sha256", "ids", "vectors", "shard", "expanded")
        return {name: value for name, value in self.fields.items() if type(value) is int and name not in own}

    def ids(self, vectors: Vectors) -> pa.Array:
        """The rows' ids."""
        return vectors.ids().slice(self.start, self.stop - self.start).combine_chunks()


def parts_of(vectors: Vectors) -> list[Part]:
    """The shards of a folder; of arrays and tables, stretches of `SHARD_ROWS`."""
    shards = vectors.manifest.get("shards", [])
    if not shards:
        starts = range(0, vectors.rows, SHARD_ROWS)
        return [Part(start, min(start + SHARD_ROWS, vectors.rows), None, {}) for start in starts]
    ends = np.cumsum([int(shard["rows"]) for shard in shards]).tolist()
    return [
        Part(end - int(shard["rows"]), end, Path(vectors.source, Path(shard["file"]).name), shard)
        for end, shard in zip(ends, shards, strict=True)
    ]


def check_part(part: Part, path: Path | None = None) -> None:
    """See that a shard, or its copy at `path`, has the bytes that were written.

    Raises:
        VectorsError: it has not.
    """
    if part.file is not None and file_hash(path or part.file) != part.fields["sha256"]:
        raise VectorsError(f"{part.file}: was changed since it was written; make the vectors again")


def copy_part(writer: VectorsWriter, vectors: Vectors, part: Part) -> None:
    """Add the rows as they are: the very bytes of their file, where there is one.

    Raises:
        VectorsError: the file was changed since it was written.
    """
    if part.file is None:
        writer.write(part.ids(vectors), vectors.block(part.start, part.stop))
        return
    copy = writer.partial / f".{part.file.name}.part"
    shutil.copyfile(part.file, copy)
    check_part(part, copy)
    writer.adopt(copy, rows=part.stop - part.start, sha256=str(part.fields["sha256"]), **part.facts)
