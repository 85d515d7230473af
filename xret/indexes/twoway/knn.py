"""k nearest neighbours in both directions, from one pass over the similarity matrix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xret.indexes.twoway.filters.similarity import BlockSimilarity
from xret.indexes.twoway.search import open_search
from xret.indexes.twoway.sides import TwoWay

__all__ = ["two_way_knn"]


def two_way_knn(
    x: Any,
    y: Any,
    *,
    k: int = 4,
    row_block: int | None = None,
    column_block: int | None = None,
    threads: int | None = None,
    progress: bool = False,
    similarity: BlockSimilarity | None = None,
    device: str = "cpu",
    memory: int | None = None,
    work: Path | None = None,
) -> TwoWay:
    """Exact k nearest neighbours by cosine, in both directions, from one pass over the similarity matrix.

    The result is what brute force gives with the cosine of the float32 vectors summed in float64, rounded to float32,
    and ordered by (cosine descending, id ascending); it depends neither on the block sizes nor on the threads, the
    arithmetic or the device. Memory beside the result: ``threads * row_block * column_block * 6`` bytes, a block of
    rows per thread and sixteen of columns.

    Args:
        x: (n, d) array, `Vectors`, or anything with `rows`, `dim` and `block(start, stop)`; rows of any
            length but zero.
        y: (m, d) likewise.
        k: neighbours per vector; where the other side has fewer rows, all of them (fewer columns in the result).
        row_block: rows of x compared at once; None for what suits the arithmetic.
        column_block: rows of y compared at once; likewise.
        threads: CPU threads; None for all cores (or OMP_NUM_THREADS).
        progress: show a bar on stderr when it is a terminal.
        similarity: the arithmetic of the filter; None for the fastest of this processor (see `choose_similarity`).
        device: ``cpu``, ``cuda``, ``cuda:N``, or ``auto``: CUDA where it works.
        memory: bytes that the process may take, pages of mapped files aside; None for no limit. Blocks are cut to it;
            lists and lengths cannot be (see `search_memory`).
        work: a folder that keeps what is done, to go on from after a kill; None keeps nothing.

    Returns:
        forward ids and cosines (n, min(k, m)), backward ids and cosines (m, min(k, n)).

    Raises:
        MismatchError: x and y differ in dimension.
        VectorsError: a side is empty, or a row is zero or not finite.
        InputError: k or a block size below 1.
        UsageError: not even the smallest blocks fit the memory.
        DeviceError: CUDA was asked for and cannot be used.
    """
    search = open_search(
        x, y, k=k, row_block=row_block, column_block=column_block, threads=threads, progress=progress,
        similarity=similarity, device=device, memory=memory, spans=work is not None,
    )  # fmt: skip
    return search.finished(*search.lists(0, search.x.rows.rows, work))
