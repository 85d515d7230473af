"""Estimates of `plan_mine` beside searches for neighbours that were measured: one million sentences a side, or here.

Rates come from 32,768 sentences a side; what is checked is that they hold at other sizes, on the machine that they are
from. Both ways get cheaper by the operation as sides grow (larger blocks; in exact searches more products are ruled
out before they are exact), so estimates are on the safe side.
"""

from __future__ import annotations

from dataclasses import dataclass

from xret.errors import UsageError
from xret.planning.mining import MineJob, neighbour_steps
from xret.planning.rates import Rates
from xret.planning.span import Span

__all__ = ["MEASURED", "Checked", "Measured", "check", "measured_here"]


@dataclass(frozen=True)
class Measured:
    """A search that was measured: rows of a side, how, and core-seconds; without lists all were compared with all."""

    rows: int
    dim: int
    lists: int
    probes: int
    core_seconds: float
    source: str


_SOURCE = "tests/bench/scale.py --sizes 1000000, 2026-11-21, two threads beside other work"
_ALONE = "xret plan check --rows 1e6, 2026-11-22, one thread of an AMD EPYC (Zen 5)"
MEASURED = (
    Measured(1_000_000, 384, 0, 0, 2663.5, _SOURCE),
    Measured(1_000_000, 384, 4096, 8, 410.3, _SOURCE),
    Measured(1_000_000, 384, 4096, 8, 322.0, _ALONE),
)


@dataclass(frozen=True)
class Checked:
    """A measured search and its estimate in core-seconds, from least to most."""

    run: Measured
    low: float
    high: float

    @property
    def ratio(self) -> float:
        """The middle of the estimate over what was measured."""
        return (self.low + self.high) / 2 / self.run.core_seconds


def check(runs: tuple[Measured, ...], rates: Rates) -> list[Checked]:
    """Searches beside what the core hours of `plan_mine` say of them by these rates."""
    rows = []
    for run in runs:
        # without lists the probes do not count
        job = MineJob(src=run.rows, tgt=run.rows, dim=run.dim, lists=run.lists, probes=run.probes or 1, codec="exact")
        seconds = Span(0, 0)
        for step in neighbour_steps(job):
            if step.core:
                seconds = seconds + step.flop / (rates[step.core] * 1e9)
        rows.append(Checked(run, seconds.low, seconds.high))
    return rows


def measured_here(rows: int) -> tuple[Measured, ...]:
    """Both searches of made-up sides of so many rows on this machine, on one thread.

    All is compared with all only up to as many pairs as ``--search auto`` would.

    Raises:
        UsageError: too few rows for lists.
        MissingExtraError: FAISS is not installed.
    """
    from xret.indexes.choice import list_count
    from xret.indexes.twoway.approximate.factories import EXACT_PAIRS
    from xret.planning.measure import DIM, exact_search, here, listed_search, made_vectors

    if rows < 10_000:
        raise UsageError(f"{rows:,} rows a side are too few to tell anything; take 10,000 or more")
    x, y = (made_vectors(rows, seed) for seed in (0, 1))
    found = [Measured(rows, DIM, 0, 0, exact_search(x, y), here())] if rows * rows <= EXACT_PAIRS else []
    lists = list_count(rows)
    seconds, probes = listed_search(x, y, lists)
    return *found, Measured(rows, DIM, lists, probes, seconds, here())
