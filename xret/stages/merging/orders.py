"""Merging by rank alone: what to take next, whatever the scores of different languages mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from xret.errors import UsageError
from xret.runs.codes import joint_codes
from xret.runs.order import ranks
from xret.stages.merging.lists import Lists
from xret.stages.merging.normalise import Floats, Ints

__all__ = ["check_prior", "quota", "reciprocal_ranks", "round_robin", "share_of"]


def reciprocal_ranks(lists: Lists, k: int) -> Floats:
    """(n,) 1 / (k + rank in the query) + 1 / (k + rank among those of its language).

    Reciprocal rank fusion of the mixed list with the lists of the languages; of these alone, in which no document
    stands twice, it would be round robin.

    Source: Cormack, Clarke & Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning
    methods", SIGIR 2009.
    """
    return 1 / (k + lists.overall) + 1 / (k + lists.within)


def round_robin(lists: Lists) -> Floats:
    """(n,) 1 / place, when every round takes the next best document of each language, in order of their scores.

    Source: Voorhees, Gupta & Johnson-Laird, "The collection fusion problem", TREC-3, 1995.
    """
    return _by(lists, lists.within.astype(np.float64))


def quota(lists: Lists, prior: Mapping[str, float] | None = None) -> Floats:
    """(n,) 1 / place, when every language gets its share of each beginning of the list ("biased round robin").

    Seats are given as Webster and Sainte-Laguë give them: the r-th document of a language has the number
    (r - 1/2) / share, and rising numbers are seated first. Of these seats, each round takes as many as there are
    languages with a share; within a round, scores decide, so that a hair's breadth of share puts no language ahead.
    With equal shares it is round robin.

    Args:
        lists: the run.
        prior: language -> share of what is relevant (any scale); languages that are not in it come last. ``zh`` takes
            in ``zh-Hant`` unless that has a share of its own: one list, one share. None: the
            share that a language has of the documents retrieved for the query, the same for all depths.

    Source: Savoy & Berger, "Selection and merging strategies for multilingual information retrieval", CLEF 2004, for
    more documents from the collections that have more to give.

    Raises:
        UsageError: as `check_prior`.
    """
    within = lists.within
    if prior is None:
        share = np.bincount(lists.group)[lists.group].astype(np.float64)
    else:
        check_prior(prior)
        meant = [share_of(name, prior) for name in lists.languages]
        share = np.array([prior.get(name, 0.0) for name in meant], np.float64)[lists.language]
        within = _within(lists, meant)
    with np.errstate(divide="ignore"):
        seat = np.rint(1 / _by(lists, (within - 0.5) / share))
    rounds = np.bincount(lists.query, (within == 1) & (share > 0))[lists.query]  # as many seats as languages
    return _by(lists, (seat - 1) // np.maximum(rounds, 1))


def check_prior(prior: Mapping[str, float]) -> None:
    """Refuse shares that are none.

    Raises:
        UsageError: empty, negative, not finite, or all 0.
    """
    bad = [f"{name}={value}" for name, value in prior.items() if not (np.isfinite(value) and value >= 0)]
    if bad or not any(prior.values()):
        raise UsageError(f"prior has {bad[0] if bad else 'no share above 0'}; wanted shares like de=2,en=1")


def share_of(name: str, prior: Mapping[str, float]) -> str:
    """The language of a prior that a document's counts as: itself, or the nearest it is a kind of; else itself."""
    tag = name
    while tag and tag not in prior:
        tag = tag.rpartition("-")[0]
    return tag or name


def _within(lists: Lists, meant: Sequence[str]) -> Ints:
    """(n,) rank among the query's documents of languages that count as the same."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(meant))}
    group = joint_codes(
        lists.query, np.array([numbers[name] for name in meant], np.int64)[lists.language], len(numbers)
    )
    order = np.argsort(group, kind="stable")
    within = np.empty(len(group), np.int64)
    within[order] = ranks(group[order])
    return within


def _by(lists: Lists, key: Floats) -> Floats:
    """(n,) 1 / place in the query, by rising keys; of equal keys the better in the run first."""
    order = np.lexsort((lists.overall, key, lists.query))
    place = np.empty(len(key), np.int64)
    # Rows of a run stand by query, so the i-th in the new order and the i-th in the old belong to the same query.
    place[order] = lists.overall
    return 1 / place
