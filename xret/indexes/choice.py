"""What ``auto`` chooses: an index by rows and memory."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from xret.errors import UsageError
from xret.indexes.factory import Factory

__all__ = ["EXACT_ROWS", "Choice", "choose_factory", "list_count", "parse_bytes", "readable_bytes"]

EXACT_ROWS = 200_000  # one query scans so many in some 10 ms on one core: to approximate gains less than it loses


@dataclass(frozen=True)
class Choice:
    """What ``auto`` chose, and why, in words."""

    factory: Factory
    reason: str


def choose_factory(*, rows: int, dim: int, memory: int) -> Choice:
    """The most precise factory that fits the budget: a full scan up to `EXACT_ROWS` rows, inverted lists above.

    Args:
        rows: vectors to index now.
        dim: their dimension.
        memory: bytes the index may take when it is searched.
    """
    lists = 0 if rows <= EXACT_ROWS else list_count(rows)
    coarse = 32 if lists >= 65_536 else 0  # so many centres are themselves searched by a graph
    options = [Factory(lists=lists, coarse=coarse, code=code) for code in ("Flat", "SQfp16", "SQ8")]
    if lists:
        options += [
            Factory(lists=lists, coarse=coarse, code="PQ", m=dim // n, bits=4, fast=True)
            for n in (2, 4, 8)
            if dim % n == 0
        ]
    sizes = [factory.bytes_per_row(dim) * rows for factory in options]
    best = next((place for place, size in enumerate(sizes) if size <= memory), len(options) - 1)
    how = "a full scan" if not lists else "inverted lists"
    size = f"{rows:,} rows of {dim} dimensions ({'up to' if not lists else 'above'} {EXACT_ROWS:,} rows: {how})"
    budget = f"the {readable_bytes(memory)} budget"
    fits = f"within {budget}" if sizes[best] <= memory else f"more than {budget}; auto has nothing smaller for them"
    return Choice(options[best], f"{size} take {readable_bytes(sizes[best])}, {fits}")


def list_count(rows: int) -> int:
    """About 4 * sqrt(rows) lists, as a power of two (FAISS wiki, "Guidelines to choose an index")."""
    return int(2 ** round(math.log2(4 * math.sqrt(rows))))


def parse_bytes(text: str) -> int:
    """Bytes that ``8G``, ``512M``, ``1.5GiB`` or ``4096`` spell (powers of 1024).

    Raises:
        UsageError: something else, or nothing at all.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    size = float(found[1]) * 1024 ** " KMGT".index(found[2].upper() or " ") if found else 0
    if size < 1:
        raise UsageError(f"memory '{text}' is no size; write it like 8G or 512M")
    return int(size)


def readable_bytes(size: float) -> str:
    """``1536`` as ``1.5 KiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
