"""Fairness to languages: a table of measures, and what every language gets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

import numpy as np
import pyarrow as pa

from xret.eval.fairness import meanings
from xret.reports import Bars, Series, Table
from xret.reports.tables import Cell

__all__ = ["Fair", "attention_bars", "fairness_meanings", "fairness_table"]


class Fair(Protocol):
    """What `fairness` and `study` give."""

    @property
    def measures(self) -> Mapping[str, float]:
        """Name -> mean over the queries that define it; NaN: none."""

    @property
    def defined(self) -> Mapping[str, int]:
        """Name -> number of these."""

    @property
    def languages(self) -> pa.Table:
        """`lang, due, attention` and more of the languages of documents."""


def fairness_table(found: Mapping[str, Fair]) -> Table:
    """Measure of fairness × system, and what is fair."""
    names = list(dict.fromkeys(name for one in found.values() for name in one.measures))
    told = {name.partition("@")[0]: ideal for name, (ideal, _) in meanings(1, 1).items()}
    most = max((count for one in found.values() for count in one.defined.values()), default=0)
    rows: list[tuple[Cell, ...]] = [
        (name, told.get(name.partition("@")[0], "-"), *(one.measures.get(name) for one in found.values()))
        for name in names
    ]
    first = next(iter(found.values()))
    few = [f"{name} {count:,}" for name in names if 0 < (count := first.defined.get(name, 0)) < most]
    note = f"–: undefined. Means over {most:,} queries" + (f"; defined for fewer: {', '.join(few)}." if few else ".")
    return Table(title="Fairness to languages", columns=("measure", "fair", *found), rows=tuple(rows), note=note)


def fairness_meanings(names: Collection[str]) -> Table:
    """What the measures say."""
    said = {name.partition("@")[0].split(" R")[0]: says for name, (_, says) in meanings(1, 1).items()}
    rows = [(name, said[key]) for name in names if (key := name.partition("@")[0].split(" R")[0]) in said]
    return Table(title="What the measures of fairness say", columns=("measure", "says"), rows=tuple(rows))


def attention_bars(found: Mapping[str, Fair]) -> Bars | None:
    """What each language of the documents gets of the reader's attention over what is due; None for one language."""
    tables = {name: one.languages for name, one in found.items()}
    first = next(iter(tables.values()))
    labels = first["lang"].to_pylist()
    if len(labels) < 2 or not {"due", "attention"} <= set(first.column_names):
        return None
    due = np.array(first["due"].to_pylist())
    series = []
    for name, table in tables.items():
        given = dict(zip(table["lang"].to_pylist(), table["attention"].to_pylist(), strict=True))
        mine = np.array([given.get(lang, np.nan) for lang in labels])
        ratio = np.divide(mine, due, out=np.full(len(due), np.nan), where=due > 0)
        series.append(Series(name, tuple(ratio.tolist())))
    return Bars(
        title="Attention over what is due, by language of the document",
        description="The share of the reader's attention (which falls with the rank) that goes to documents of a "
        "language, over its share of the relevant documents, both means over queries. 1 is fair.",
        labels=tuple(labels),
        series=tuple(series),
        label_axis="language",
        axis="attention / due",
        reference=1.0,
    )
