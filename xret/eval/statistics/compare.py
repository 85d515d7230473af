"""Several systems over the same queries: intervals, differences, and how sure they are."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.errors import UsageError
from xret.eval.scores import RunScores
from xret.eval.statistics.bootstrap import bootstrap
from xret.eval.statistics.clusters import Clusters, Floats, clusters_of
from xret.eval.statistics.correction import CORRECTIONS, Correction, corrected
from xret.eval.statistics.groups import influence, weighed
from xret.eval.statistics.power import detectable
from xret.eval.statistics.randomisation import randomisation_test

__all__ = ["Comparison", "compare_runs"]

ALL = "all"


@dataclass(frozen=True, eq=False)
class Comparison:
    """What comparing comes to.

    Attributes:
        intervals: `system, measure, lang, queries: int64, mean, low, high`.
        differences: `system, baseline, measure, lang, queries: int64, difference, low, high, p, corrected, detectable`;
            the difference is the system's mean less the baseline's, `p` of the randomisation test, `corrected` over
            all rows of this table.
        comparisons: number of rows of `differences`: what p-values were corrected for.
        correction: ``holm``, ``bh`` or ``none``.
        interval: how the intervals were made, ``percentile`` or ``bca``.
        confidence: of the intervals.
        resamples: drawn by the bootstrap, and by the test where it was not exact.
        exact: all tests tried every assignment of signs.
        seed: of all draws.
        topics: number of topics that were drawn instead of queries, and how they are known; None: queries were.
        macro: number of languages of which each weighs the same in the means; None: each query does.
    """

    intervals: pa.Table
    differences: pa.Table
    comparisons: int
    correction: Correction
    interval: Literal["percentile", "bca"]
    confidence: float
    resamples: int
    exact: bool
    seed: int
    topics: tuple[int, str] | None
    macro: int | None = None

    def definition(self) -> str:
        """How it was done, in a few lines."""
        drawn = "queries" if self.topics is None else f"{self.topics[0]:,} topics ({self.topics[1]})"
        tests = "every assignment of signs tried" if self.exact else f"{self.resamples:,} assignments of signs drawn"
        how = {"holm": "corrected by Holm", "bh": "corrected by Benjamini and Hochberg", "none": "not corrected"}
        means = "" if self.macro is None else f"means: over {self.macro:,} languages, each weighing the same\n"
        return (
            f"{means}intervals: {self.confidence:.0%} {self.interval} bootstrap over {drawn}, "
            f"{self.resamples:,} resamples\n"
            f"p: paired randomisation test, two-sided, {tests}, {how[self.correction]} "
            f"over {self.comparisons:,} {'comparison' if self.comparisons == 1 else 'comparisons'}\n"
            "detectable: the true difference found with power .8 at alpha .05, 2.80 standard errors, not corrected\n"
            f"seed: {self.seed}"
        )

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        names = ("comparisons", "correction", "interval", "confidence", "resamples", "exact", "seed", "topics", "macro")
        return {name: getattr(self, name) for name in names} | {
            "intervals": self.intervals.to_pylist(),
            "differences": self.differences.to_pylist(),
        }


def compare_runs(
    scores: Mapping[str, RunScores],
    *,
    baseline: str | None = None,
    correction: Correction = "holm",
    interval: Literal["percentile", "bca"] = "percentile",
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
    topics: tuple[Mapping[str, str], str] | None = None,
    languages: Mapping[str, str] | None = None,
    macro: Mapping[str, str] | None = None,
) -> Comparison:
    """Compare systems over the queries that all of them were scored on.

    Args:
        scores: system -> its values, all of the same queries and measures.
        baseline: the system that the others are compared with; None: every two systems.
        correction: over all comparisons made: pairs of systems x measures (x languages).
        interval: see `xret.eval.statistics.bootstrap.interval`.
        confidence: of the intervals.
        resamples: drawn.
        seed: of all draws.
        topics: query id -> topic, and how that is known (see `topics_of`): translations of one topic are not
            independent, so topics are drawn, and signs changed, together. Queries without are topics of their own.
        languages: query id -> language: also every language by itself.
        macro: query id -> language: means are over the languages' means, each weighing the same (see
            `xret.eval.statistics.groups`); None: over queries.

    Raises:
        UsageError: no such baseline or correction, or scores of different queries or measures.
    """
    first = _checked(scores, baseline, correction)
    qids = first.qids.to_pylist()
    clusters = clusters_of([topics[0].get(qid) if topics else None for qid in qids])
    draws = _Draws(confidence, interval, resamples, seed)
    pairs = [(one, baseline) for one in scores if one != baseline] if baseline else _pairs(list(scores))
    intervals: list[dict[str, Any]] = []
    differences: list[dict[str, Any]] = []
    exact = True
    groups = None if macro is None else clusters_of([macro.get(qid) or "und" for qid in qids])
    for lang, mask in _slices(qids, languages).items():
        mine = _Grouped(clusters.where(mask), None if groups is None else groups.where(mask))
        values = {name: score.values[mask] for name, score in scores.items()}
        said = {"lang": lang, "queries": int(mask.sum())}
        intervals += _intervals(values, first, mine, said, draws)
        if pairs:
            rows, all_tried = _differences(values, pairs, first, mine, said, draws)
            differences, exact = differences + rows, exact and all_tried
    p = corrected(np.array([row["p"] for row in differences], np.float64), correction)
    rows = [row | {"corrected": float(one)} for row, one in zip(differences, p, strict=True)]
    return Comparison(
        pa.Table.from_pylist(intervals), _table(rows), len(rows), correction, interval, confidence, resamples,
        exact and bool(rows), seed, None if topics is None else (clusters.size, topics[1]),
        None if groups is None else groups.size,
    )  # fmt: skip


@dataclass(frozen=True)
class _Grouped:
    """What queries are drawn together, and the languages that weigh the same, if they do."""

    clusters: Clusters
    groups: Clusters | None

    def influence(self, values: Floats) -> Floats:
        return values if self.groups is None else influence(values, self.groups)

    def weighed(self, values: Floats) -> Floats:
        return values if self.groups is None else weighed(values, self.groups)


@dataclass(frozen=True)
class _Draws:
    """How the bootstrap and the test draw."""

    confidence: float
    method: Literal["percentile", "bca"]
    resamples: int
    seed: int

    def ends(self, values: Floats, clusters: Clusters) -> tuple[Floats, Floats]:
        return bootstrap(values, clusters=clusters, confidence=self.confidence, method=self.method,
                         resamples=self.resamples, seed=self.seed)  # fmt: skip


def _checked(scores: Mapping[str, RunScores], baseline: str | None, correction: str) -> RunScores:
    if not scores:
        raise UsageError("no runs to compare; wanted at least one")
    if baseline is not None and baseline not in scores:
        raise UsageError(f"baseline '{baseline}' is not among the runs: {', '.join(scores)}")
    if correction not in CORRECTIONS:
        raise UsageError(f"unknown correction '{correction}'; known: {', '.join(CORRECTIONS)}")
    first = next(iter(scores.values()))
    for name, score in scores.items():
        if not score.qids.equals(first.qids) or tuple(map(str, score.measures)) != tuple(map(str, first.measures)):
            raise UsageError(f"{name}: was scored on other queries or by other measures; score all by the same qrels")
    return first


def _pairs(names: list[str]) -> list[tuple[str, str]]:
    """Every two, the later one against the earlier."""
    return [(later, earlier) for earlier, later in itertools.combinations(names, 2)]


def _slices(qids: list[str], languages: Mapping[str, str] | None) -> dict[str, npt.NDArray[np.bool_]]:
    """All queries, and those of every language."""
    found = {ALL: np.ones(len(qids), bool)}
    if languages:
        lang = np.array([languages.get(qid) or "und" for qid in qids])
        found |= {name: lang == name for name in sorted(set(lang.tolist()))}
    return found


def _intervals(
    values: Mapping[str, Floats], first: RunScores, grouped: _Grouped, said: Mapping[str, Any], draws: _Draws
) -> list[dict[str, Any]]:
    all_values = grouped.influence(np.hstack(list(values.values())))
    low, high = draws.ends(all_values, grouped.clusters)
    keys = [(name, str(measure)) for name in values for measure in first.measures]
    ends = zip(keys, all_values.mean(axis=0), low, high, strict=True)
    return [{"system": name, "measure": measure, **said, "mean": float(mean), "low": float(a), "high": float(b)}
            for (name, measure), mean, a, b in ends]  # fmt: skip


def _differences(
    values: Mapping[str, Floats], pairs: list[tuple[str, str]], first: RunScores, grouped: _Grouped,
    said: Mapping[str, Any], draws: _Draws,
) -> tuple[list[dict[str, Any]], bool]:  # fmt: skip
    """The rows, and whether the test was exact."""
    apart = np.hstack([values[one] - values[other] for one, other in pairs])
    clusters = grouped.clusters
    tested = randomisation_test(grouped.weighed(apart), clusters=clusters, resamples=draws.resamples, seed=draws.seed)
    apart = grouped.influence(apart)
    columns = (apart.mean(axis=0), *draws.ends(apart, clusters), tested.p, detectable(apart, clusters=clusters))
    names = ("difference", "low", "high", "p", "detectable")
    keys = [(one, other, str(measure)) for one, other in pairs for measure in first.measures]
    rows = [
        {"system": one, "baseline": other, "measure": measure, **said, **dict(zip(names, map(float, row), strict=True))}
        for (one, other, measure), row in zip(keys, zip(*columns, strict=True), strict=True)
    ]
    return rows, tested.exact


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    names = ("difference", "low", "high", "p", "corrected", "detectable")
    schema = pa.schema([*((name, pa.string()) for name in ("system", "baseline", "measure", "lang")),
                        ("queries", pa.int64()), *((name, pa.float64()) for name in names)])  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schema)
