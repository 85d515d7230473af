"""The least difference that a set of queries can show."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from xret.errors import UsageError
from xret.eval.statistics.clusters import Clusters, Floats, clusters_of

__all__ = ["detectable"]


def detectable(
    differences: Floats, *, clusters: Clusters | None = None, alpha: float = 0.05, power: float = 0.8
) -> Floats:
    """(m,) the true mean difference that a two-sided test at `alpha` would find with probability `power`.

        (z(1 - alpha / 2) + z(power)) * standard error of the mean difference

    z being quantiles of the normal distribution: 2.80 standard errors for .05 and .8. The standard error is that of
    these (n, m) differences: the standard deviation (n - 1 below the line) over the root of n, or, with clusters, by
    the sums of residuals of the c clusters: the root of c / (c - 1) * sum of squares, over n. One comparison, not
    corrected for others. NaN for less than two queries or clusters.

    Source: Cohen, "Statistical power analysis for the behavioral sciences", 1988; for retrieval Sakai, "Topic set size
    design", Information Retrieval Journal 19, 2016.

    Raises:
        UsageError: alpha or power is not between 0 and 1.
    """
    for name, value in (("alpha", alpha), ("power", power)):
        if not 0 < value < 1:
            raise UsageError(f"{name} is {value}; wanted a number between 0 and 1")
    clusters = clusters_of(range(len(differences))) if clusters is None else clusters
    if clusters.size < 2:
        return np.full(differences.shape[1], np.nan)
    residuals = clusters.sums(differences - differences.mean(axis=0))
    error = np.sqrt(clusters.size / (clusters.size - 1) * (residuals**2).sum(axis=0)) / len(differences)
    normal = NormalDist()
    wanted: Floats = (normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)) * error
    return wanted
