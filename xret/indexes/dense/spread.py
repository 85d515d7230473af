"""Parts of an index made by an engine: each worker fills one with a run of rows, as `xret.indexes.dense.parts` does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.artifact import MANIFEST, atomic_file, digest, file_hash
from xret.indexes.dense.layout import Manifest, Part, next_number, seal
from xret.indexes.dense.lengths import sound_rows
from xret.indexes.dense.rows import BLOCK
from xret.indexes.dense.training import add_rows, read_faiss, write_faiss
from xret.indexes.factory import parse_factory
from xret.mapped import write_batches
from xret.vectors import Vectors

if TYPE_CHECKING:
    from xret.engines.calls import Place
    from xret.indexes.dense.parts import Growth

__all__ = ["part_unit", "spread_parts"]


def spread_parts(folder: Path, manifest: Manifest, growth: Growth) -> Manifest:
    """Write the rows as parts, as `grow` does; give the manifest with them.

    Raises:
        EngineError: a part could not be made.
    """
    assert growth.engine is not None and growth.work is not None
    work, rows = growth.work.absolute(), growth.vectors.rows
    work.mkdir(exist_ok=True)
    with atomic_file(work / "empty.faiss") as temporary:
        shutil.copyfile(folder / manifest.empty, temporary)
    starts = range(0, rows, growth.part_rows)
    batches = [_batches(growth.table.slice(start, growth.part_rows)) for start in starts]
    with atomic_file(work / "rows.arrow") as temporary:
        write_batches(temporary, (batch for part in batches for batch in part), growth.table.schema)
    source = Path(growth.vectors.source)
    seen = [file_hash(path) for path in (work / "empty.faiss", work / "rows.arrow", source / MANIFEST)]
    ends = np.cumsum([0, *map(len, batches)]).tolist()
    items = [
        {
            "unit": f"part-{next_number(manifest) + number:05d}", "start": start,
            "stop": min(start + growth.part_rows, rows), "batches": [ends[number], ends[number + 1]],
            "vectors": str(source.absolute()), "factory": str(growth.factory),
        }
        for number, start in enumerate(starts)
    ]  # fmt: skip
    recipe = digest("parts", seen, growth.part_rows, str(growth.factory))
    for _ in growth.engine.run(part_unit, items, folder=work, recipe=recipe, cpus=growth.threads):
        pass
    for item in items:
        manifest = _taken(folder, work, manifest, item)
    return manifest


def part_unit(item: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Make one part: its FAISS file and its Arrow file."""
    work, unit = Path(item["manifest"]).parent, item["unit"]
    vectors = Vectors.open(Path(item["vectors"]))
    factory = parse_factory(item["factory"], dim=vectors.dim)
    index = read_faiss(work / "empty.faiss", mapped=False)
    add_rows(index, factory, _blocks(vectors, item["start"], item["stop"]), threads=place.cpus)
    with atomic_file(work / f"{unit}.faiss") as temporary:
        write_faiss(index, temporary)
    with pa.memory_map(str(work / "rows.arrow")) as source, atomic_file(work / f"{unit}.arrow") as temporary:
        rows = pa.ipc.open_file(source)
        write_batches(temporary, map(rows.get_batch, range(*item["batches"])), rows.schema)
    return {"files": [f"{unit}.faiss", f"{unit}.arrow"]}


def _taken(folder: Path, work: Path, manifest: Manifest, item: Mapping[str, Any]) -> Manifest:
    part = Part(rows=item["stop"] - item["start"], vectors=f"{item['unit']}.faiss", table=f"{item['unit']}.arrow")
    for name in (part.vectors, part.table):
        _linked(work / name, folder / name)
    files = manifest.files | {name: seal(folder / name) for name in (part.vectors, part.table)}
    return replace(manifest, parts=(*manifest.parts, part), files=files)


def _linked(path: Path, target: Path) -> None:
    """A second name, so that the unit stays done until the whole is."""
    try:
        os.link(path, target)
    except OSError:  # a file system without them
        shutil.copyfile(path, target)


def _batches(rows: pa.Table) -> list[pa.RecordBatch]:
    return rows.to_batches(max_chunksize=BLOCK)  # type: ignore[no-any-return]


def _blocks(vectors: Vectors, start: int, stop: int) -> Iterator[npt.NDArray[np.float32]]:
    for at in range(start, stop, BLOCK):
        yield sound_rows(vectors, at, min(at + BLOCK, stop))
