"""Whether a multi-vector index is what its manifest says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xret.errors import InputError
from xret.indexes.checking import check_rows, check_sums
from xret.indexes.multivector.layout import REMEDY, Manifest, read_steadily
from xret.indexes.multivector.opened import MultiVectorIndex, open_as
from xret.indexes.multivector.postings import postings_of
from xret.indexes.multivector.search import search_index
from xret.indexes.multivector.segments import Segment

__all__ = ["Checked", "check_index"]

SAMPLE, LONGEST = 50, 32  # documents that must find themselves, by so many of their tokens
WANTED = 0.8


@dataclass(frozen=True)
class Checked:
    """What was looked at."""

    rows: int
    tokens: int
    files: int
    bytes: int
    found_themselves: float
    """Share of a sample of documents that some of their own stored tokens find among the first ten."""


def check_index(folder: str | Path) -> Checked:
    """Look at everything: checksums, row counts, unique ids, language counts, codes, postings, and a sample search.

    Raises:
        InputError: the first thing that is wrong.
    """
    return read_steadily(Path(folder), _check)


def _check(folder: Path, manifest: Manifest) -> Checked:
    check_sums(folder, ((name, sealed.sha256) for name, sealed in manifest.files.items()))
    index = open_as(folder, manifest)
    _check_rows(index)
    for segment, part in zip(index.segments, manifest.parts, strict=True):
        _check_segment(index, segment, folder / part.name)
    share = _found_themselves(index)
    if share < WANTED:
        raise InputError(f"{folder}: only {share:.0%} of a sample of documents find themselves; {REMEDY}")
    return Checked(manifest.rows, manifest.tokens, len(manifest.files), manifest.bytes, share)


def _check_rows(index: MultiVectorIndex) -> None:
    made = index.manifest
    check_rows(index.folder, index.live().select(["id", "lang"]), rows=made.rows, languages=made.languages)


def _check_segment(index: MultiVectorIndex, segment: Segment, path: Path) -> None:
    if (np.diff(segment.starts) < 0).any():
        raise InputError(f"{path}: the tokens of some document end before they begin; {REMEDY}")
    if len(segment.cells) and int(segment.cells.max()) >= index.manifest.centroids:
        raise InputError(f"{path}: names a centroid that there is not; {REMEDY}")
    lists, postings = postings_of(segment.cells, np.diff(segment.starts), index.manifest.centroids)
    if not np.array_equal(lists, segment.lists) or not np.array_equal(postings, segment.postings):
        raise InputError(f"{path}: its postings are not those of its tokens; {REMEDY}")


def _found_themselves(index: MultiVectorIndex) -> float:
    live = np.setdiff1d(np.flatnonzero(index.counts > 0), index.deleted)
    if not len(live):
        return 1.0
    rows = np.sort(np.random.default_rng(0).choice(live, min(SAMPLE, len(live)), replace=False))
    queries = [_stored(index, int(row)) for row in rows]
    found = search_index(index, queries, k=10)
    good = 0
    for row, query, each in zip(rows, queries, found, strict=True):
        # Copies of one text crowd each other out of ten: as good as found when the best scores what it would.
        full = float(np.square(query).sum())
        good += int(row in each.rows or (len(each.scores) > 0 and each.scores[0] >= full - 1e-3 * len(query)))
    return good / len(rows)


def _stored(index: MultiVectorIndex, row: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Some decoded tokens of a document, in the encoder's dimensions."""
    segment = next(each for each in index.segments if each.start <= row < each.start + each.rows)
    start, stop = segment.starts[row - segment.start : row - segment.start + 2]
    tokens = np.unique(np.linspace(start, stop - 1, LONGEST).astype(np.int64))
    coder = index.coder
    vectors = coder.codec.decode(segment.codes[tokens]) + coder.centroids[segment.cells[tokens]]
    full = vectors @ coder.basis.T if coder.basis is not None else vectors[:, : index.manifest.dim]
    return np.ascontiguousarray(full, np.float32)
