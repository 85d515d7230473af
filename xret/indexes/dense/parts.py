"""Parts of an index: runs of rows, each a FAISS file and an Arrow file, written one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tqdm import tqdm

from xret.indexes.dense.layout import Manifest, Part, next_number, seal
from xret.indexes.dense.lengths import sound_rows
from xret.indexes.dense.rows import BLOCK
from xret.indexes.dense.training import add_rows, read_faiss, write_faiss
from xret.indexes.factory import Factory
from xret.mapped import map_table, write_batches
from xret.vectors import Vectors

if TYPE_CHECKING:
    from xret.engines import Engine

__all__ = ["Growth", "grow"]

LEAST = 1024  # rows of a part, however small the budget


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Rows to append and how.

    Attributes:
        vectors: n vectors.
        table: their n rows, `id, lang[, text]`.
        factory: what the index is made of.
        memory: bytes of vectors a part may hold while it is built.
        threads: FAISS threads; None as it is.
        progress: a bar on stderr, where that is a terminal.
        engine: who makes the parts, where there are several; None: this process.
        work: with an engine, a folder that all workers can open; keeps parts that are done, to go on from.
    """

    vectors: Vectors
    table: pa.Table
    factory: Factory
    memory: int
    threads: int | None = None
    progress: bool = False
    engine: Engine | None = None
    work: Path | None = None

    @property
    def part_rows(self) -> int:
        """Most rows of one part."""
        return max(LEAST, int(self.memory / self.factory.bytes_per_row(self.vectors.dim)))


def grow(folder: Path, manifest: Manifest, growth: Growth, *, absorb: Part | None = None) -> Manifest:
    """Write the new rows as parts, the first of them with the rows of `absorb` in front; give the manifest with them.

    Nothing that the old manifest names is touched.
    """
    start, rows = 0, growth.vectors.rows
    if growth.engine and absorb is None and rows > growth.part_rows and growth.vectors.manifest:
        from xret.indexes.dense.spread import spread_parts

        return spread_parts(folder, manifest, growth)
    with tqdm(
        total=rows, desc="index", unit=" rows", unit_scale=True, disable=None if growth.progress else True
    ) as bar:
        while start < rows:
            room = max(1, growth.part_rows - (absorb.rows if absorb else 0))
            stop = min(rows, start + room)
            manifest = _write(folder, manifest, growth, range(start, stop), absorb, bar)
            start, absorb = stop, None
    return manifest


def _write(folder: Path, manifest: Manifest, growth: Growth, rows: range, absorb: Part | None, bar: Any) -> Manifest:
    name = f"part-{next_number(manifest):05d}"
    schema = growth.table.schema
    index = read_faiss(folder / (absorb.vectors if absorb else manifest.empty), mapped=False)
    old = map_table(folder / absorb.table, remedy="build the index again").to_batches() if absorb else []
    add_rows(index, growth.factory, _blocks(growth.vectors, rows, bar), threads=growth.threads)
    write_faiss(index, folder / f"{name}.faiss")
    new = growth.table.slice(rows.start, len(rows)).to_batches(max_chunksize=BLOCK)
    write_batches(folder / f"{name}.arrow", [*old, *new], schema)
    part = Part(rows=len(rows) + (absorb.rows if absorb else 0), vectors=f"{name}.faiss", table=f"{name}.arrow")
    gone = {absorb.vectors, absorb.table} if absorb else set()
    files = {key: value for key, value in manifest.files.items() if key not in gone}
    files |= {file: seal(folder / file) for file in (part.vectors, part.table)}
    return replace(manifest, parts=(*(each for each in manifest.parts if each != absorb), part), files=files)


def _blocks(vectors: Vectors, rows: range, bar: Any) -> Iterator[npt.NDArray[np.float32]]:
    for start in range(rows.start, rows.stop, BLOCK):
        block = sound_rows(vectors, start, min(start + BLOCK, rows.stop))
        yield block
        bar.update(len(block))
