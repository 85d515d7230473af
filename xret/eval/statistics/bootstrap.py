"""Bootstrap confidence intervals of means."""

from __future__ import annotations

from statistics import NormalDist
from typing import Literal

import numpy as np

from xret.errors import UsageError
from xret.eval.statistics.clusters import Clusters, Floats, clusters_of

__all__ = ["bootstrap", "bootstrap_means", "interval"]

BLOCK = 1 << 21  # draws at a time


def bootstrap(
    values: Floats,
    *,
    clusters: Clusters | None = None,
    confidence: float = 0.95,
    method: Literal["percentile", "bca"] = "percentile",
    resamples: int = 10_000,
    seed: int = 0,
) -> tuple[Floats, Floats]:
    """Confidence intervals of the means of (n, m) values: (m,) low and (m,) high ends.

    For differences between two systems, a row a query, this is the paired bootstrap. Arguments as for
    `bootstrap_means` and `interval`.

    Raises:
        UsageError: as those.
    """
    clusters = clusters_of(range(len(values))) if clusters is None else clusters
    means = bootstrap_means(values, clusters=clusters, resamples=resamples, seed=seed)
    kept = _without_each(values, clusters) if method == "bca" else None
    return interval(means, values.mean(axis=0), confidence=confidence, method=method, without_each=kept)


def bootstrap_means(
    values: Floats, *, clusters: Clusters | None = None, resamples: int = 10_000, seed: int = 0
) -> Floats:
    """(resamples, m) means of queries drawn with replacement, as many as there are.

    Args:
        values: (n, m), a row a query; the same draws for all columns.
        clusters: drawn instead of queries, with all their queries: the mean is over the queries drawn.
        resamples: number of draws.
        seed: of the draws.

    Source: Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7, 1979; for information
    retrieval Sakai, SIGIR 2006; of clusters Davison & Hinkley, "Bootstrap methods and their application", 3.8, 1997.

    Raises:
        UsageError: no values, or resamples below 1.
    """
    if resamples < 1 or not len(values):
        raise UsageError(f"resamples is {resamples} and queries {len(values)}; wanted at least 1 of each")
    clusters = clusters_of(range(len(values))) if clusters is None else clusters
    sums, counts, n = clusters.sums(values), clusters.counts, clusters.size
    rng, means = np.random.default_rng(seed), np.empty((resamples, values.shape[1]))
    step = max(1, BLOCK // n)
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        drawn = rng.integers(0, n, (count, n)) + np.arange(count)[:, None] * n
        times = np.bincount(drawn.ravel(), minlength=count * n).reshape(count, n).astype(np.float64)
        means[start : start + count] = (times @ sums) / (times @ counts)[:, None]
    return means


def interval(
    means: Floats,
    mean: Floats,
    *,
    confidence: float = 0.95,
    method: Literal["percentile", "bca"] = "percentile",
    without_each: Floats | None = None,
) -> tuple[Floats, Floats]:
    """(m,) low and (m,) high ends by the distribution of drawn means.

    ``percentile``: its quantiles, (1 - confidence) / 2 on each side. ``bca``: the quantiles moved for bias and for a
    spread that changes with the mean (bias-corrected and accelerated; Efron, JASA 82, 1987); where all draws are equal
    both ends are the mean.

    Args:
        means: (resamples, m) of `bootstrap_means`.
        mean: (m,) seen.
        confidence: between 0 and 1.
        method: see above.
        without_each: (clusters, m) means without one cluster each, for ``bca``.

    Raises:
        UsageError: confidence is not between 0 and 1, or ``bca`` without `without_each`.
    """
    if not 0 < confidence < 1:
        raise UsageError(f"confidence is {confidence}; wanted a number between 0 and 1, such as 0.95")
    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    if method == "percentile":
        low, high = np.quantile(means, tails, axis=0)
        return low, high
    if without_each is None:
        raise UsageError("bca needs the means without each query")
    ends = np.array([_bca(*column, tails) for column in zip(means.T, mean, without_each.T, strict=True)])
    return ends[:, 0], ends[:, 1]


def _bca(means: Floats, mean: float, without_each: Floats, tails: Floats) -> Floats:
    """(2,) ends of one column."""
    if np.ptp(means) <= 1e-15 * max(1.0, abs(mean)):
        return np.array([mean, mean])
    normal = NormalDist()
    below = ((means < mean).mean() + (means <= mean).mean()) / 2
    bias = normal.inv_cdf(min(max(below, 0.5 / len(means)), 1 - 0.5 / len(means)))
    off = without_each.mean() - without_each
    spread = float((off**2).sum())
    skew = float((off**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    moved = [bias + normal.inv_cdf(float(tail)) for tail in tails]
    ends: Floats = np.quantile(means, [normal.cdf(bias + one / (1 - skew * one)) for one in moved])
    return ends


def _without_each(values: Floats, clusters: Clusters) -> Floats:
    """(clusters, m) means without each cluster in turn."""
    if clusters.size < 2:
        return np.zeros((1, values.shape[1]))  # nothing varies: not looked at
    sums, counts = clusters.sums(values), clusters.counts[:, None]
    left: Floats = (sums.sum(axis=0) - sums) / (counts.sum() - counts)
    return left
