"""The estimate beside a run that was measured, one million sentences a side.

What `xret mine` does with inverted lists on one machine, and what each step costs:

    train      64 rows a list of both sides, 10 rounds     2 d * 64 * lists * lists * 10
    assign     both sides, all centres                     2 d * (n + m) * lists
    compare    each list once, for both directions         2 d * n * m * probes / lists
    recall     1,000 rows of either side, exactly          2 d * 1,000 * (n + m)

`core_lists_gflops` is these operations over the core-seconds of a run; it is measured with 32,768 sentences a side.
"""

from __future__ import annotations

from dataclasses import dataclass

from xret.planning.rates import Rates

__all__ = ["MEASURED", "Checked", "Measured", "check", "listed_flop"]


@dataclass(frozen=True)
class Measured:
    """A run that was measured: rows of a side, how, and core-seconds; `probes` 0 compared all with all."""

    rows: int
    dim: int
    lists: int
    probes: int
    core_seconds: float
    source: str


_SOURCE = "tests/bench/scale.py --sizes 1000000, 2026-11-21, two cores beside other work"
MEASURED = (
    Measured(1_000_000, 384, 0, 0, 2663.5, _SOURCE),
    Measured(1_000_000, 384, 4096, 8, 410.3, _SOURCE),
)


@dataclass(frozen=True)
class Checked:
    """A measured run and its estimate in core-seconds, from least to most."""

    run: Measured
    low: float
    high: float

    @property
    def ratio(self) -> float:
        """The middle of the estimate over what was measured."""
        return (self.low + self.high) / 2 / self.run.core_seconds


def listed_flop(src: float, tgt: float, *, dim: int, lists: int, probes: int) -> float:
    """Operations of `xret mine` through inverted lists on one machine, as above."""
    train = min(64 * lists, src + tgt) * lists * 10
    return 2 * dim * (train + (src + tgt) * lists + src * tgt * probes / lists + 1000 * (src + tgt))


def check(rates: Rates) -> list[Checked]:
    """Every measured run beside its estimate by these rates."""
    rows = []
    for run in MEASURED:
        if run.lists:
            flop = listed_flop(run.rows, run.rows, dim=run.dim, lists=run.lists, probes=run.probes)
            rate = rates["core_lists_gflops"]
        else:
            flop, rate = 2.0 * run.dim * run.rows**2, rates["core_exact_gflops"]
        seconds = flop / (rate * 1e9)
        rows.append(Checked(run, seconds.low, seconds.high))
    return rows
