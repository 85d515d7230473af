"""Means per language of the query, with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from xret.eval.reports.systems import System, Topics, shown
from xret.eval.statistics import compare_runs
from xret.reports import Bars, Series

__all__ = ["language_bars"]

LEAST = 5  # queries from which drawing them again tells anything


def language_bars(
    systems: Sequence[System], languages: Mapping[str, str], measure: str, *, topics: Topics = None,
    resamples: int = 2_000, seed: int = 0,
) -> Bars | None:  # fmt: skip
    """Bars of one measure; None where the queries are of one language or of none.

    Args:
        systems: scored on the same queries.
        languages: query id -> language.
        measure: spelling.
        topics: query id -> topic, and how that is known: see `compare_runs`.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    some = shown(systems, measure)
    means = {system.name: system.only(measure) for system in some}
    found = compare_runs(
        means, languages=languages, resamples=resamples, seed=seed, correction="none", topics=topics
    ).intervals
    rows = {(row["lang"], row["system"]): row for row in found.to_pylist() if row["lang"] != "all"}
    names = sorted({lang for lang, _ in rows})
    if len(names) < 2:
        return None
    series = tuple(_series(name, [rows[lang, name] for lang in names]) for name in means)
    first = some[0].name
    left = f" The {len(some)} best of {len(systems)} systems." if len(some) < len(systems) else ""
    return Bars(
        title=f"{measure} by language of the query",
        description=f"Mean over the queries of each language, with 95 % bootstrap intervals ({resamples:,} "
        f"resamples, seed {seed}) where there are {LEAST} queries or more.{left}",
        labels=tuple(names),
        series=series,
        label_axis="language",
        axis=measure,
        sizes=tuple(rows[lang, first]["queries"] for lang in names),
    )


def _series(name: str, rows: Sequence[Mapping[str, Any]]) -> Series:
    ends = (tuple(row[end] if row["queries"] >= LEAST else math.nan for row in rows) for end in ("low", "high"))
    return Series(name, tuple(row["mean"] for row in rows), *ends)
