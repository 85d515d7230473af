"""Token weights of the rows of an index folder, inverted, in files that each cover a run of rows.

``weights-START-STOP.arrow`` holds the weights of rows START … STOP - 1 of the index, in the order of their tokens. It
is written before the rows are, under a name that says where they will stand: so the manifest of the index, which takes
the rows in, takes in their weights in the same step. Files that reach past the rows there are were left by a change
that was not finished.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.artifact import atomic_file
from xret.errors import InputError
from xret.mapped import map_table, write_batches

__all__ = ["Tile", "open_tiles", "sweep_tiles", "write_tile"]

NAME = re.compile(r"weights-(\d+)-(\d+)\.arrow")
SMALL = 65_536  # rows: a last file of fewer is written anew with the added ones, as a last part of the index is
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tile:
    """The weights of rows `start` … `stop` - 1: `tokens` (p,) int64 ascending, `rows` (p,) int64, `weights` (p,)."""

    start: int
    stop: int
    tokens: Ints
    rows: Ints
    weights: npt.NDArray[np.float32]

    def add_scores(self, query: Mapping[int, float], scores: npt.NDArray[np.float64], met: npt.NDArray[Any]) -> None:
        """Add inner products with a query to (index rows,) `scores`; note in `met` which rows share a token with it."""
        for token, weight in query.items():
            first, last = np.searchsorted(self.tokens, [token, token + 1])
            rows = self.rows[first:last]  # no row twice, so that adding in place adds all
            scores[rows] += weight * self.weights[first:last].astype(np.float64)
            met[rows] = True


def write_tile(folder: Path, column: pa.ChunkedArray, *, start: int) -> None:
    """Write the weights of rows that are to come, behind the `start` rows that are there.

    Args:
        folder: of these files.
        column: (n,) ``map<int64, float>``.
        start: rows of the index now.
    """
    sweep_tiles(folder, rows=start)
    tiles = open_tiles(folder, rows=start)
    joined = tiles[-1:] if tiles and tiles[-1].stop - tiles[-1].start < SMALL else []
    first = joined[0].start if joined else start
    maps = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    counts = np.diff(maps.offsets.to_numpy())
    flat = slice(int(maps.offsets[0].as_py()), int(maps.offsets[-1].as_py()))
    tokens = np.concatenate([*(tile.tokens for tile in joined), maps.keys.to_numpy()[flat]])
    rows = np.concatenate([*(tile.rows for tile in joined), start + np.repeat(np.arange(len(counts)), counts)])
    weights = np.concatenate([*(tile.weights for tile in joined), maps.items.to_numpy()[flat]])
    order = np.lexsort((rows, tokens))
    columns = {"token": tokens[order], "row": rows[order], "weight": weights[order]}
    batch = pa.record_batch({name: pa.array(values) for name, values in columns.items()})
    with atomic_file(folder / f"weights-{first:012d}-{start + len(counts):012d}.arrow") as temporary:
        write_batches(temporary, [batch], batch.schema)


def open_tiles(folder: Path, *, rows: int) -> list[Tile]:
    """The files that cover the rows of an index, in order, mapped.

    Raises:
        InputError: some rows are covered by none, or a file is damaged.
    """
    found, covered = [], 0
    there = list(_there(folder))
    while covered < rows:
        stop = max((stop for _, start, stop in there if start == covered and covered < stop <= rows), default=None)
        if stop is None:
            raise InputError(f"{folder}: the token weights of row {covered + 1:,} and after are missing; load it again")
        table = map_table(folder / f"weights-{covered:012d}-{stop:012d}.arrow", remedy="load it again")
        tokens, numbers, weights = (table[name].to_numpy() for name in ("token", "row", "weight"))
        found.append(Tile(covered, stop, tokens, numbers, weights))
        covered = stop
    return found


def sweep_tiles(folder: Path, *, rows: int) -> None:
    """Remove the files that do not cover the rows of an index: replaced ones, and those of unfinished changes."""
    used = {(tile.start, tile.stop) for tile in open_tiles(folder, rows=rows)}
    for path, start, stop in _there(folder):
        if (start, stop) not in used:
            path.unlink(missing_ok=True)


def _there(folder: Path) -> list[tuple[Path, int, int]]:
    names = ((path, NAME.fullmatch(path.name)) for path in folder.iterdir())
    return [(path, int(name[1]), int(name[2])) for path, name in names if name]
