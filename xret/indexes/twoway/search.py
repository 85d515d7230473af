"""A search of both directions: opened once, then run as a whole, in spans with checkpoints, or in shards."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from xret.artifact import digest
from xret.errors import InputError, MismatchError
from xret.indexes.twoway.blas import single_threaded_blas, worker_count
from xret.indexes.twoway.blockpass import BlockPass
from xret.indexes.twoway.checkpoint import Checkpoint
from xret.indexes.twoway.filters.arithmetic import choose_similarity
from xret.indexes.twoway.filters.blocks import BlockFilter, Filter
from xret.indexes.twoway.filters.device import DEVICE_BLOCKS, DeviceFilter, search_device
from xret.indexes.twoway.filters.similarity import BlockSimilarity
from xret.indexes.twoway.plan import SPAN, Plan, plan_blocks
from xret.indexes.twoway.rows import as_rows
from xret.indexes.twoway.sides import Side, TwoWay, sample_of
from xret.indexes.twoway.topk import TopK

__all__ = ["Search", "open_search", "plan_search"]

logger = logging.getLogger("xret")
_DEVICE_THREADS = 4  # each holds a block of cosines on the GPU while others score what came back
_BLOCKS = {"float32": (1024, 4096)}  # rows, columns that are fastest
_SMALL = 256, 4096  # where the product is so fast that the filter must not leave the caches


@dataclass(frozen=True)
class Search:
    """Two sides surveyed, and how they will be compared.

    Attributes:
        x: one side.
        y: the other.
        k: neighbours wanted.
        plan: sizes of blocks.
        filter: what finds candidates.
        workers: threads.
        progress: show a bar.
    """

    x: Side
    y: Side
    k: int
    plan: Plan
    filter: Filter
    workers: int
    progress: bool

    @property
    def key(self) -> str:
        """Hash of what decides the lists: both sets of vectors, and k."""
        return digest("two-way k-NN", self.x.content, self.y.content, self.k)

    def empty(self, rows: int, columns: int) -> tuple[TopK, TopK]:
        """Lists for so many rows of x and of y."""
        return TopK(rows, self.plan.forward_k), TopK(columns, self.plan.backward_k)

    def lists(self, start: int, stop: int, work: Path | None = None) -> tuple[TopK, TopK]:
        """The lists of rows `start` to `stop` of those kept of x, and of all kept of y over these rows.

        Args:
            start: first row.
            stop: behind the last.
            work: a folder to keep what is done, and to go on from.
        """
        columns = self.y.rows.rows
        forward, backward = self.empty(stop - start, columns)
        checkpoint = None if work is None else Checkpoint(work)
        done = checkpoint.begin(self.key, start, backward) if checkpoint else start
        if checkpoint:
            checkpoint.forward(start, done, forward)
        with (
            single_threaded_blas() as limited,
            self.bar((stop - start) * columns, (done - start) * columns) as bar,
        ):
            blocks = BlockPass(self.x, self.y, self.plan, self.filter, self.workers if limited else 1, bar)
            for first in range(done, stop, self.plan.span):
                last = min(first + self.plan.span, stop)
                found = blocks.run(first, last, backward)
                forward.put(first - start, found)
                if checkpoint:
                    checkpoint.save(first, last, found, backward)
        return forward, backward

    def bar(self, pairs: int, done: int = 0) -> tqdm:  # type: ignore[type-arg]
        """Progress in pairs of vectors."""
        return tqdm(
            total=pairs, initial=done, unit="pair", unit_scale=True, desc="k-NN",
            disable=None if self.progress else True,
        )  # fmt: skip

    def finished(self, forward: TopK, backward: TopK) -> TwoWay:
        """The neighbours of all rows from the lists of all that are kept."""
        ahead = self.x.neighbours(forward, self.y)
        return TwoWay(ahead, self.y.neighbours(backward, self.x))


def open_search(
    x: Any,
    y: Any,
    *,
    k: int,
    row_block: int | None = None,
    column_block: int | None = None,
    threads: int | None = None,
    progress: bool = False,
    similarity: BlockSimilarity | None = None,
    device: str = "cpu",
    memory: int | None = None,
    spans: bool = False,
) -> Search:
    """Survey both sides, and choose the arithmetic and the blocks.

    Arguments and errors are those of `two_way_knn`; `spans` tells whether lists will be saved between spans of rows.
    """
    for name, value in (("k", k), ("row_block", row_block), ("column_block", column_block)):
        if value is not None and value < 1:
            raise InputError(f"{name} = {value}: must be at least 1")
    left, right = as_rows(x), as_rows(y)
    if left.dim != right.dim:
        raise MismatchError(
            f"vectors of {left.dim} and of {right.dim} dimensions cannot be compared; encode both alike"
        )
    a, b = Side.of(left, k), Side.of(right, k)
    repeated = f"{left.rows - a.rows.rows} + {right.rows - b.rows.rows} repeated vectors set aside"
    return plan_search(
        a, b, k=k, row_block=row_block, column_block=column_block, threads=threads, progress=progress,
        similarity=similarity, device=device, memory=memory, spans=spans, note=f", {repeated}",
    )  # fmt: skip


def plan_search(
    a: Side,
    b: Side,
    *,
    k: int,
    row_block: int | None = None,
    column_block: int | None = None,
    threads: int | None = None,
    progress: bool = False,
    similarity: BlockSimilarity | None = None,
    device: str = "cpu",
    memory: int | None = None,
    spans: bool = False,
    note: str = "",
) -> Search:
    """As `open_search`, of sides that have been surveyed; `note` is for the log."""
    dim = a.rows.dim
    place = "cpu" if similarity else search_device(device, a.rows.rows * b.rows.rows)
    chosen = similarity or choose_similarity(a.rows.rows, b.rows.rows, dim, lambda: sample_of(a, b))
    workers = worker_count(threads) if place == "cpu" else min(worker_count(threads), _DEVICE_THREADS)
    usual = DEVICE_BLOCKS if place != "cpu" else _BLOCKS.get(chosen.name, _SMALL)
    plan = plan_blocks(
        a.rows.rows, b.rows.rows, dim, k=k, row_block=row_block or usual[0], column_block=column_block or usual[1],
        workers=workers, memory=memory, span=SPAN if spans else None,
    )  # fmt: skip
    made: Filter = BlockFilter(chosen, plan.row_block, plan.column_block, k)
    if place != "cpu":
        made = DeviceFilter(place, k)
    logger.info(
        f"two-way k-NN: {len(a.first)} x {len(b.first)} x {dim}, k = {k}, blocks {plan.row_block} x "
        f"{plan.column_block}, {made.name}, {workers} threads{note}"
    )
    return Search(a, b, k, plan, made, workers, progress)
