"""How large blocks are: by the arithmetic, the threads and the memory there is."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from xret.errors import UsageError
from xret.indexes.choice import readable_bytes

__all__ = ["Plan", "plan_blocks", "private_memory", "search_memory"]

SPAN = 65_536  # rows between two checkpoints: columns are prepared once for so many
_TILES = 16  # blocks of columns prepared together, for each of which a block of rows need not be prepared again
_SMALLEST = 64, 1024  # blocks
_MARGIN = 24 << 20  # per thread: pairs being scored, stacks, what the BLAS takes


@dataclass(frozen=True)
class Plan:
    """Sizes of one search; they change its speed and memory, never its result.

    Attributes:
        row_block: rows of x compared at once.
        column_block: rows of y compared at once.
        tiles: blocks of y held at once.
        span: rows of x between two checkpoints.
        forward_k: length of the lists of x.
        backward_k: length of the lists of y.
    """

    row_block: int
    column_block: int
    tiles: int
    span: int
    forward_k: int
    backward_k: int

    def memory(self, dim: int, workers: int) -> int:
        """Bytes that the blocks take, in which the widest arithmetic counts for all."""
        tiles = self.tiles * self.column_block * (10 * dim + 40) + 16 * self.column_block * dim
        rows = self.row_block * (26 * dim + 40)
        lists = 16 * (self.row_block * max(512, 4 * self.forward_k) + self.column_block * max(16, 4 * self.backward_k))
        return tiles + workers * (rows + lists + 6 * self.row_block * self.column_block + _MARGIN)


def search_memory(rows: int, columns: int, k: int) -> int:
    """Bytes that lengths and lists of a search of `rows` x `columns` vectors take, whatever its blocks are.

    Both sides keep 24 bytes a row and lists of 12 bytes a neighbour; equal rows are found in 80 bytes a row of one
    side, and lists brought into their last form in 28 bytes a neighbour of one side, one after the other.
    """
    return 24 * (rows + columns) + max(80 * max(rows, columns), _lists_memory(rows, columns, k))


def _lists_memory(rows: int, columns: int, k: int) -> int:
    return 12 * k * (rows + columns) + 28 * k * max(rows, columns)


def plan_blocks(
    rows: int,
    columns: int,
    dim: int,
    *,
    k: int,
    row_block: int,
    column_block: int,
    workers: int,
    memory: int | None,
    span: int | None,
) -> Plan:
    """The sizes for a search of `rows` x `columns` vectors.

    Args:
        rows: of x.
        columns: of y.
        dim: of both.
        k: neighbours.
        row_block: best for speed.
        column_block: likewise.
        workers: threads.
        memory: bytes that the whole process may take beside mapped files; None: no limit.
        span: rows between checkpoints; None where there are none.

    Raises:
        UsageError: not even the smallest blocks fit the memory.
    """
    row_block, column_block = min(row_block, rows), min(column_block, columns)
    most = max(1, min(_TILES, -(-columns // column_block)))
    lists = min(k, columns), min(k, rows)

    def plan(row_block: int, column_block: int, tiles: int) -> Plan:
        return Plan(row_block, column_block, tiles, span or rows, *lists)

    if memory is None:
        return plan(row_block, column_block, most)
    fixed = private_memory() + _lists_memory(rows, columns, k)  # lengths are there by now
    least = plan(min(row_block, _SMALLEST[0]), min(column_block, _SMALLEST[1]), 1)
    while fixed + plan(row_block, column_block, 1).memory(dim, workers) > memory:
        if (row_block, column_block) == (least.row_block, least.column_block):
            needed = readable_bytes(1.02 * (fixed + least.memory(dim, workers)))
            raise UsageError(
                f"memory of {readable_bytes(memory)}: {rows:,} x {columns:,} vectors of {dim} dimensions on {workers} "
                f"threads need at least {needed}; give more memory or take fewer threads"
            )
        if row_block > least.row_block:
            row_block = max(least.row_block, row_block // 2)
        else:
            column_block = max(least.column_block, column_block // 2)
    tiles = most
    while tiles > 1 and fixed + plan(row_block, column_block, tiles).memory(dim, workers) > memory:
        tiles -= 1
    return plan(row_block, column_block, tiles)


def private_memory() -> int:
    """Bytes that this process takes now, pages of mapped files aside where the system tells them apart."""
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return 1024 * int(fields["RssAnon"].split()[0])
    if sys.platform == "win32":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
