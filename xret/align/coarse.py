"""Sentence alignment from coarse to fine: linear in the length of the documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from xret.align.band import MOST, Band, Step, cheapest_path, steps_up_to
from xret.align.beads import Bead, Blocks
from xret.align.costs import Around, Distances
from xret.align.prices import Prices
from xret.errors import InputError, MismatchError

__all__ = ["PRICES", "align_blocks", "length_logs", "usual_ratio"]

AREA = 300 * 300  # places of a matrix that is searched as a whole
PRICES = Prices()
SURE = 0.3  # score of a pair that lengths are measured by
LONG = 15  # characters that both its segments must have
FEW = 5  # such pairs tell nothing yet
WIDTH = 10  # places searched on each side of the path that the coarser level found


def align_blocks(
    src: Blocks,
    tgt: Blocks,
    *,
    most: int = 4,
    prices: Prices = PRICES,
    width: int = WIDTH,
    ratio: float | None = None,
    around: Around | None = None,
) -> list[Bead]:
    """The cheapest alignment of two documents, in order, every segment of both in exactly one bead.

    Both documents are halved, by averaging neighbouring vectors, until their matrix is small enough to be searched as a
    whole; every finer level is then searched in a band around the path of the coarser one, with 1-1 beads until the
    finest, which knows all kinds. Time and memory grow with the sum of the lengths.

    Args:
        src: blocks of the source, of up to ``most - 1`` segments.
        tgt: blocks of the target, likewise.
        most: segments of both sides together that a bead may have; 2 allows 1-1 alone.
        prices: constants of the cost; `VECALIGN` for cosines alone.
        width: places searched on each side of the coarser path.
        ratio: usual length of the target for a source of length 1; None measures it (see `length_logs`) and takes that
            of both documents where they have too few sure pairs.
        around: blocks of other documents, for short ones (see `Distances.of`).

    Raises:
        InputError: `most` not from 2 to `MOST`, or `width` below 1.
        MismatchError: the sides differ in dimension, or lack the blocks that `most` needs.

    Source: Thompson & Koehn 2019, "Vecalign: Improved Sentence Alignment in Linear Time and Space", D19-1136.
    """
    _check(src, tgt, most, width)
    if not src.segments or not tgt.segments:
        return [_bead(None, *ends) for ends in pairwise(_skipped(src.segments, tgt.segments))]

    if ratio is None:
        usual = usual_ratio(length_logs(src, tgt, around=around, width=width)) if prices.length else None
        ratio = usual or _whole_ratio(src, tgt)

    def measured(x: Blocks, y: Blocks) -> Distances:
        return Distances.of(x, y, around=around, ratio=ratio)

    corners = _search(src, tgt, steps_up_to(most), prices, width, measured)
    distances = measured(src, tgt)
    return [_bead(distances, before, after) for before, after in pairwise(corners)]


def _search(
    src: Blocks,
    tgt: Blocks,
    steps: Sequence[Step],
    prices: Prices,
    width: int,
    measured: Callable[[Blocks, Blocks], Distances],
) -> list[tuple[int, int]]:
    n, m = src.segments, tgt.segments
    if n * m <= AREA or min(n, m) <= 2 * width:
        band = Band.everything(n, m)
    else:
        coarse = _search(src.halved(), tgt.halved(), ((1, 1),), prices, width, measured)
        band = Band.around(_doubled(coarse, n, m), width)
    return cheapest_path(measured(src, tgt), band, steps, prices)


def _doubled(corners: Sequence[tuple[int, int]], n: int, m: int) -> list[tuple[int, int]]:
    """The corners on the next finer level, but those between two skips: a straight line takes their place."""
    kept = [(0, 0)]
    for (before, here), (_, after) in pairwise(pairwise(corners)):
        skips = [0 in (b[0] - a[0], b[1] - a[1]) for a, b in ((before, here), (here, after))]
        if not all(skips):
            kept.append((min(2 * here[0], n), min(2 * here[1], m)))
    return [*kept, (n, m)]


def _skipped(n: int, m: int) -> list[tuple[int, int]]:
    return [*((i, 0) for i in range(n + 1)), *((n, j) for j in range(1, m + 1))]


def _bead(distances: Distances | None, before: tuple[int, int], after: tuple[int, int]) -> Bead:
    a, b = after[0] - before[0], after[1] - before[1]
    score, cosine = distances.pair(a, before[0], b, before[1]) if distances and a and b else (0.0, 0.0)
    return Bead(before[0], after[0], before[1], after[1], score, cosine)


def _check(src: Blocks, tgt: Blocks, most: int, width: int) -> None:
    if not 2 <= most <= MOST:
        raise InputError(f"most = {most}: must be from 2 to {MOST}")
    if width < 1:
        raise InputError(f"width = {width}: must be at least 1")
    if src.sizes[0].shape[1] != tgt.sizes[0].shape[1]:
        found = f"{src.sizes[0].shape[1]} and {tgt.sizes[0].shape[1]}"
        raise MismatchError(f"blocks of {found} dimensions cannot be compared; encode both sides alike")
    for side, blocks in (("source", src), ("target", tgt)):
        if len(blocks.sizes) < most - 1:
            raise MismatchError(
                f"{side}: blocks of up to {len(blocks.sizes)} segments, but most = {most} needs up to {most - 1}"
            )


def length_logs(src: Blocks, tgt: Blocks, *, around: Around | None = None, width: int = WIDTH) -> NDArray[np.float64]:
    """log(target length / source length) of the pairs of segments that cosines alone are sure of, in any number.

    The lengths of whole documents would not do: of one that is translated by half, the ratio is half.

    Args:
        src: blocks of the source.
        tgt: blocks of the target.
        around: blocks of other documents.
        width: places searched on each side of the coarser path.
    """
    if src.ends is None or tgt.ends is None or not src.segments or not tgt.segments:
        return np.empty(0)
    single = Blocks(src.sizes[:1], src.ends), Blocks(tgt.sizes[:1], tgt.ends)
    prices = replace(PRICES, length=0.0)
    beads = align_blocks(*single, most=2, prices=prices, width=width, ratio=1.0, around=around)
    sure = [(bead.src_start, bead.tgt_start) for bead in beads if bead.score >= SURE]
    rows, columns = np.array(sure, np.int64).reshape(-1, 2).T
    lengths = np.diff(src.ends)[rows], np.diff(tgt.ends)[columns]
    long = (lengths[0] >= LONG) & (lengths[1] >= LONG)
    logs: NDArray[np.float64] = np.log(lengths[1][long] / lengths[0][long])
    return logs


def usual_ratio(logs: NDArray[np.float64]) -> float | None:
    """The median ratio; None of fewer than `FEW` pairs."""
    return float(np.exp(np.median(logs))) if len(logs) >= FEW else None


def _whole_ratio(src: Blocks, tgt: Blocks) -> float:
    if src.ends is None or tgt.ends is None or not src.ends[-1] or not tgt.ends[-1]:
        return 1.0
    return float(tgt.ends[-1] / src.ends[-1])
