"""Means over groups of queries, such as languages, of which each weighs the same: macro averages."""

from __future__ import annotations

from xret.eval.statistics.clusters import Clusters, Floats

__all__ = ["influence", "weighed"]


def weighed(values: Floats, groups: Clusters) -> Floats:
    """(n, m) values of which the plain mean is the mean of the groups' means: each times n / (groups * its group's n).

    For a test that changes signs.
    """
    share = len(values) / (groups.size * groups.counts)
    found: Floats = values * share[groups.of][:, None]
    return found


def influence(values: Floats, groups: Clusters) -> Floats:
    """(n, m) values of which the plain mean is the mean of the groups' means, and whose spread is that of this mean.

    The mean plus what each query adds to it: its distance from its group's mean, weighed. To be drawn from in a
    bootstrap: the difference between groups is no chance, so it is in no interval.

    Source: Davison & Hinkley, "Bootstrap methods and their application", 1997, 2.7 and 3.2 (influence values of means
    of several samples).
    """
    means = groups.sums(values) / groups.counts[:, None]
    found: Floats = means.mean(axis=0) + weighed(values - means[groups.of], groups)
    return found
