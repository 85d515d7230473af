"""Filters one after the other, with a count for each."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from xret.bitext.filters.doubts import doubts
from xret.bitext.filters.filter import PairFilter
from xret.corpus import keep

__all__ = ["Count", "FilterChain", "Filtered"]

logger = logging.getLogger("xret")
DROPPED_BY = "dropped_by"


@dataclass(frozen=True)
class Count:
    """What one filter did.

    Attributes:
        reason: its name.
        before: rows that it saw: those that the filters before it had left.
        dropped: rows that it dropped.
        learnt: what it learnt from the data, if anything.
        details: numbers of dropped rows by finer reasons.
    """

    reason: str
    before: int
    dropped: int
    learnt: str
    details: Mapping[str, int]

    def line(self) -> str:
        """For people: one line."""
        notes = [note for note in (self.learnt, ", ".join(f"{n:,} {what}" for what, n in self.details.items())) if note]
        return f"{self.reason}: {self.dropped:,} of {self.before:,} dropped" + "".join(f"; {note}" for note in notes)

    def record(self) -> dict[str, Any]:
        """For programs: plain values."""
        plain = {"reason": self.reason, "before": self.before, "dropped": self.dropped}
        return plain | {"learnt": self.learnt, "details": dict(self.details)}


@dataclass(frozen=True)
class Filtered:
    """What a chain made of a table.

    Attributes:
        kept: the rows that passed every filter, in their order, nothing changed.
        dropped: the others, in their order, with `dropped_by: string`, the reason of the first filter against them.
        counts: for each filter, in order; ``kept.num_rows + sum of dropped`` is the number of rows that came in.
    """

    kept: pa.Table
    dropped: pa.Table
    counts: tuple[Count, ...]

    @cached_property
    def doubts(self) -> tuple[str, ...]:
        """What looks wrong about the rows kept (see `xret.bitext.filters.doubts`)."""
        return doubts(self.kept)


class FilterChain:
    """Filters in the order in which they are asked; each sees what those before it left."""

    def __init__(self, *filters: PairFilter) -> None:
        """Filters; none are a chain that keeps everything."""
        self.filters = filters

    def __call__(self, pairs: pa.Table) -> Filtered:
        """Filter n pairs (see `PairFilter.judge` for the columns)."""
        owner = np.full(pairs.num_rows, -1, np.int64)  # of each row, the filter that dropped it
        alive, left, counts = np.arange(pairs.num_rows), pairs, []
        for number, each in enumerate(self.filters):
            verdict = each.judge(left)
            owner[alive[~verdict.keep]] = number
            dropped = int(np.count_nonzero(~verdict.keep))
            counts.append(Count(each.reason, left.num_rows, dropped, verdict.learnt, verdict.details))
            logger.info(counts[-1].line())
            if dropped:
                alive, left = alive[verdict.keep], keep(left, verdict.keep)
        reasons = pa.array([each.reason for each in self.filters], pa.string()).take(pa.array(owner[owner >= 0]))
        dropped_rows = keep(pairs, owner >= 0)
        if DROPPED_BY in dropped_rows.column_names:
            dropped_rows = dropped_rows.drop_columns([DROPPED_BY])
        return Filtered(left, dropped_rows.append_column(DROPPED_BY, reasons), tuple(counts))
