"""The paired randomisation test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from xret.errors import UsageError
from xret.eval.statistics.clusters import Clusters, Floats

__all__ = ["Tested", "randomisation_test"]

BLOCK = 1 << 22  # signs at a time: 32 MB as float64


@dataclass(frozen=True, eq=False)
class Tested:
    """What a test gives.

    Attributes:
        p: (m,) two-sided p-values, before any correction.
        exact: all assignments of signs were tried, none drawn.
        tried: number of assignments.
    """

    p: Floats
    exact: bool
    tried: int


def randomisation_test(
    differences: Floats, *, clusters: Clusters | None = None, resamples: int = 10_000, seed: int = 0
) -> Tested:
    """Whether differences are more than chance: were the two systems alike, every sign could as well be the other.

    p is the share of assignments of signs whose mean is at least as far from 0 as the mean seen. With 2^queries at most
    `resamples` all assignments are tried; else `resamples` are drawn, the one seen counts as one more, so p is never 0.
    The same signs are tried on all columns.

    Args:
        differences: (n, m), a row a query, a column a comparison.
        clusters: queries whose signs change together.
        resamples: assignments of signs that are drawn.
        seed: of the draws.

    Source: Fisher, "The design of experiments", 1935; Smucker, Allan & Carterette, "A comparison of statistical
    significance tests for information retrieval evaluation", CIKM 2007.

    Raises:
        UsageError: resamples below 1.
    """
    if resamples < 1:
        raise UsageError(f"resamples is {resamples}; wanted at least 1")
    sums = differences if clusters is None else clusters.sums(differences)
    n = len(sums)
    seen = np.abs(sums.sum(axis=0))
    slack = 1e-12 * np.abs(sums).sum(axis=0)  # sums in another order may differ in the last bits
    exact = n < 63 and 2**n <= resamples
    tried = 2**n if exact else resamples
    rng, reached = np.random.default_rng(seed), np.zeros(sums.shape[1])
    step = max(1, BLOCK // max(n, 1))
    for start in range(0, tried, step):
        count = min(step, tried - start)
        bits = _counted(start, count, n) if exact else _drawn(rng, count, n)
        means = np.abs((1.0 - 2.0 * bits) @ sums)
        reached += (means >= seen - slack).sum(axis=0)
    return Tested(reached / tried if exact else (reached + 1) / (tried + 1), exact, tried)


def _counted(start: int, count: int, n: int) -> npt.NDArray[np.uint8]:
    """(count, n) the binary digits of `start` and the numbers after it."""
    return (np.arange(start, start + count)[:, None] >> np.arange(n) & 1).astype(np.uint8)


def _drawn(rng: np.random.Generator, count: int, n: int) -> npt.NDArray[np.uint8]:
    """(count, n) bits at random."""
    return np.unpackbits(rng.integers(0, 256, (count, (n + 7) // 8), np.uint8), axis=1, count=n)
