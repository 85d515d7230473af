"""Whether an index is what its manifest says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.errors import InputError
from xret.indexes.checking import check_rows, check_sums
from xret.indexes.dense.layout import Manifest, read_steadily
from xret.indexes.dense.lengths import TOLERANCE
from xret.indexes.dense.opened import DenseIndex, Shelf, open_as
from xret.indexes.dense.rows import BLOCK
from xret.indexes.dense.search import search_index
from xret.indexes.factory import Factory, parse_factory

__all__ = ["Checked", "check_index"]

SAMPLE = 100
WANTED = {
    True: 0.99,
    False: 0.8,
}  # rows that must find themselves: exact indexes (the rest are the like of each other), others


@dataclass(frozen=True)
class Checked:
    """What was looked at."""

    rows: int
    files: int
    bytes: int
    found_themselves: float | None
    """Share of a sample of rows whose own vector, as a query, finds them among its first ten hits; None for ``fs``
    codes, which FAISS cannot decode."""


def check_index(folder: str | Path) -> Checked:
    """Look at everything: checksums, row counts, unique ids, language counts, finite vectors, and a sample search.

    Raises:
        InputError: the first thing that is wrong.
    """
    return read_steadily(Path(folder), _check, trust=True)


def _check(folder: Path, manifest: Manifest) -> Checked:
    check_sums(folder, ((name, sealed.sha256) for name, sealed in manifest.files.items()))
    index = open_as(folder, manifest)
    factory = parse_factory(manifest.factory, dim=manifest.dim)
    _check_rows(index)
    if factory.fast:
        return Checked(manifest.rows, len(manifest.files), manifest.bytes, None)
    for shelf in index.shelves:
        for start, block in _decoded(shelf, factory):
            _check_vectors(index, shelf.start + start, block, exact=factory.code in ("Flat", "SQfp16"))
    share = _found_themselves(index, factory)
    if share < WANTED[not factory.lists and not factory.links]:
        raise InputError(f"{folder}: only {share:.0%} of a sample of rows find themselves; build the index again")
    return Checked(manifest.rows, len(manifest.files), manifest.bytes, share)


def _check_rows(index: DenseIndex) -> None:
    kept = index.kept(None)
    table = index.table.select(["id", "lang"])
    table = table if kept is None else table.filter(pa.array(kept))
    made = index.manifest
    check_rows(index.folder, table, rows=made.rows, languages=made.languages)


def _check_vectors(index: DenseIndex, start: int, block: npt.NDArray[np.float32], *, exact: bool) -> None:
    """Finite, and of length 1 where the code keeps lengths."""
    lengths = np.linalg.norm(block, axis=1)
    wrong = ~(np.abs(lengths - 1) <= TOLERANCE) if exact else ~np.isfinite(lengths)
    if wrong.any():
        place = int(np.argmax(wrong))
        raise InputError(
            f"{index.folder}: the vector of id '{index.table['id'][start + place]}' (row {start + place}) has length "
            f"{lengths[place]:.4g}, wanted 1; build the index again"
        )


def _decoded(shelf: Shelf, factory: Factory) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """The stored vectors, block by block, with the place of each block's first row."""
    size = shelf.rows if factory.lists and shelf.rows <= 8 * BLOCK else BLOCK  # lists are walked once per call
    for start in range(0, shelf.rows, size):
        yield start, shelf.faiss.reconstruct_n(start, min(size, shelf.rows - start))


def _found_themselves(index: DenseIndex, factory: Factory) -> float:
    """Every part's share of a sample, searched with their stored vectors."""
    live = np.setdiff1d(np.arange(index.table.num_rows), index.deleted)
    if not len(live):
        return 1.0
    rows = np.sort(np.random.default_rng(0).choice(live, min(SAMPLE, len(live)), replace=False))
    queries = np.concatenate([_vectors(shelf, rows) for shelf in index.shelves])
    found = search_index(index, queries, k=10)
    itself = (found.rows == rows[:, None]).any(axis=1)
    # Copies of one text crowd each other out of ten: a row is as good as found when the best hit scores what it would.
    itself |= found.scores[:, 0] >= (queries * queries).sum(axis=1) - 1e-4
    return float(itself.mean())


def _vectors(shelf: Shelf, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    here = rows[(rows >= shelf.start) & (rows < shelf.start + shelf.rows)] - shelf.start
    blocks = [shelf.faiss.reconstruct_n(int(row), 1) for row in here]
    return np.concatenate(blocks) if blocks else np.empty((0, shelf.faiss.d), np.float32)
