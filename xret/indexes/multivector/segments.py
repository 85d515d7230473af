"""A part of an index: a run of documents, written from coded blocks, joined with others, opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.errors import InputError
from xret.indexes.dense.layout import seal
from xret.indexes.multivector.layout import REMEDY, Manifest, Part, map_array, next_number, save_array
from xret.indexes.multivector.postings import DOCUMENTS, postings_of
from xret.mapped import map_table, write_batches

__all__ = ["Coded", "Segment", "open_segment", "write_segment"]

Ints = npt.NDArray[np.int64]
BATCH = 8192  # rows of an Arrow batch


@dataclass(frozen=True, eq=False)
class Coded:
    """The coded tokens of some documents, one after the other.

    Attributes:
        counts: (n,) tokens of each.
        cells: (tokens,) nearest centroids.
        codes: (tokens, bytes) coded residuals.
        residual: sum of the squared lengths of the residuals.
    """

    counts: Ints
    cells: npt.NDArray[np.unsignedinteger[Any]]
    codes: npt.NDArray[np.uint8]
    residual: float

    @staticmethod
    def joined(parts: Sequence[Coded]) -> Coded:
        """Some one after the other."""
        return Coded(
            np.concatenate([part.counts for part in parts]),
            np.concatenate([part.cells for part in parts]),
            np.concatenate([part.codes for part in parts]),
            float(sum(part.residual for part in parts)),
        )


@dataclass(frozen=True, eq=False)
class Segment:
    """A part, opened.

    Attributes:
        start: number of its first row.
        rows: its documents.
        starts: (rows + 1,) where the tokens of each begin.
        cells: (tokens,) nearest centroids.
        codes: (tokens, bytes) coded residuals.
        lists: (centroids + 1,) where each list of postings begins.
        postings: ascending documents of each list.
        residual: sum of the squared lengths of its residuals.
    """

    start: int
    rows: int
    starts: Ints
    cells: npt.NDArray[np.unsignedinteger[Any]]
    codes: npt.NDArray[np.uint8]
    lists: Ints
    postings: npt.NDArray[np.uint16]
    residual: float

    def coded(self, places: Ints | None = None) -> Coded:
        """What some of its documents (ascending places), or all, are stored as."""
        counts = np.diff(self.starts)
        if places is None or len(places) == self.rows:
            return Coded(counts, self.cells, self.codes, self.residual)
        kept = np.zeros(self.rows, bool)
        kept[places] = True
        tokens = np.repeat(kept, counts)
        share = float(tokens.sum()) / max(1, len(tokens))
        return Coded(counts[places], self.cells[tokens], self.codes[tokens], self.residual * share)


def cell_kind(centroids: int) -> type[np.unsignedinteger[Any]]:
    """The smallest type that holds the number of any centroid."""
    return np.uint8 if centroids <= 1 << 8 else np.uint16 if centroids <= 1 << 16 else np.uint32


def write_segment(folder: Path, manifest: Manifest, coded: Coded, table: pa.Table) -> Manifest:
    """Write a part; the manifest with it (which is not written)."""
    name = f"part-{next_number(manifest):05d}"
    starts = np.concatenate([[0], np.cumsum(coded.counts)])
    if len(coded.counts) > DOCUMENTS or starts[-1] >= 1 << 32:
        raise InputError(f"{folder}: a part of {len(coded.counts):,} documents is too large; lower the memory budget")
    lists, postings = postings_of(coded.cells, coded.counts, manifest.centroids)
    arrays = {
        "starts": starts.astype(np.uint32),
        "cells": coded.cells.astype(cell_kind(manifest.centroids)),
        "codes": coded.codes,
        "lists": lists,
        "postings": postings,
    }
    files = {f"{name}.{key}.npy": save_array(folder, f"{name}.{key}.npy", array) for key, array in arrays.items()}
    write_batches(folder / f"{name}.arrow", table.to_batches(max_chunksize=BATCH), table.schema)
    files[f"{name}.arrow"] = seal(folder / f"{name}.arrow")
    tokens = int(starts[-1])
    part = Part(
        name=name, rows=len(coded.counts), tokens=tokens, residual=float(np.float32(coded.residual / max(1, tokens)))
    )
    return replace(
        manifest, parts=(*manifest.parts, part), tokens=manifest.tokens + tokens, files={**manifest.files, **files}
    )


def open_segment(folder: Path, part: Part, manifest: Manifest, start: int, width: int) -> tuple[Segment, pa.Table]:
    """A part of an index, memory-mapped, and its rows.

    Args:
        folder: of the index.
        part: which.
        manifest: of the index.
        start: number of its first row.
        width: bytes of a code.

    Raises:
        InputError: a file is unreadable or has another number of rows than the manifest says.
    """
    rows, tokens = part.rows, part.tokens
    table = map_table(folder / f"{part.name}.arrow", remedy=REMEDY)
    if table.num_rows != rows:
        raise InputError(f"{folder / part.name}.arrow: holds {table.num_rows:,} rows, wanted {rows:,}; {REMEDY}")
    segment = Segment(
        start=start,
        rows=rows,
        starts=map_array(folder, f"{part.name}.starts.npy", shape=(rows + 1,)).astype(np.int64),
        cells=map_array(folder, f"{part.name}.cells.npy", shape=(tokens,)),
        codes=map_array(folder, f"{part.name}.codes.npy", shape=(tokens, width)),
        lists=map_array(folder, f"{part.name}.lists.npy", shape=(manifest.centroids + 1,)).astype(np.int64),
        postings=map_array(folder, f"{part.name}.postings.npy", shape=(None,)),
        residual=part.residual * tokens,
    )
    if not (_ascend(segment.starts, tokens) and _ascend(segment.lists, len(segment.postings))):
        raise InputError(f"{folder / part.name}: its tokens or postings do not add up; {REMEDY}")
    return segment, table


def _ascend(places: Ints, end: int) -> bool:
    """Whether places go from 0 to the end, none of them back."""
    return bool(places[0] == 0 and places[-1] == end and (np.diff(places) >= 0).all())
