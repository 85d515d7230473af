"""A report with one of everything, under names that mean something to HTML, Markdown, LaTeX and terminals."""

from __future__ import annotations

import math
from typing import Any

import pytest

from xret.reports import (
    Bars,
    Counts,
    Curve,
    Curves,
    Grid,
    Heat,
    Note,
    Point,
    Points,
    Report,
    Section,
    Series,
    Spread,
    Spreads,
    Table,
)

HOSTILE = (
    "<script>alert('x')</script>",
    'a|b & 100 % of $x_1$ {~^#} \\input{"y"} `z` [q] *n* -- https://evil.example/x.js',
    "id=\"x\" url(#clip) #010001 font-family: y; 0.123456 'e'",
    "نظام\u202eabc\x1b[31m\nline\ttwo",
)


@pytest.fixture(scope="session")
def report() -> Report:
    names, labels = HOSTILE, ("de", "zh-Hant", "sw")
    series = tuple(Series(name, (0.5, math.nan, 0.25), (0.4, math.nan, 0.2), (0.6, math.nan, 0.3)) for name in names)
    five = (0.1, 0.2, 0.3, 0.4, 0.5)
    told: dict[str, Any] = {"description": f"It shows {names[0]}.", "reading": "Marks."}
    plots = (
        Bars(title=names[0], labels=labels, series=series, label_axis="language", axis=names[1], reference=0.3, **told),
        Bars(
            title="long", labels=names, series=(Series("one", (0.1, 0.2, 0.3, 0.4)),), label_axis="x", axis="y", **told
        ),
        Heat(
            title=names[1],
            rows=names,
            columns=labels,
            values=((0.1, 0.2, 0.3), (math.nan,) * 3) * 2,
            row_axis="r",
            column_axis="c",
            **told,
        ),
        Grid(
            title=names[2],
            systems=names[:2],
            verdicts=((None, 1), (-1, None)),
            texts=(("", "+0.1"), ("−0.1", "")),
            **told,
        ),
        Curves(
            title=names[3],
            curves=(
                Curve(names[0], (0.0, 1.0), (0.0, 1.0), (0.0, 0.9), (0.1, 1.0)),
                Curve(names[1], (0.0, 1.0), (1.0, 0.0)),
            ),
            x_axis="x",
            y_axis="y",
            diagonal=True,
            **told,
        ),
        Spreads(
            title="spreads",
            labels=labels,
            series=(Spread(names[1], (five, None, five), (9, 0, 7)),),
            label_axis="l",
            axis="score",
            **told,
        ),
        Counts(
            title="counts",
            edges=(0.0, 0.5, 1.0),
            series=(Series(names[0], (1, 2)), Series(names[1], (3, 0))),
            axis="s",
            threshold=0.7,
            **told,
        ),
        Points(
            title="points",
            points=(Point(names[0], 0.1, 0.2), Point(names[1], 0.1, 0.2), Point("n", math.nan, 1.0)),
            x_axis="x",
            y_axis="y",
            **told,
        ),
    )
    rows = tuple((name, 0.5 + place, place * 1000, None) for place, name in enumerate(names))
    table = Table(title=names[2], columns=(names[0], "value", "count", "nothing"), rows=rows,
                  best={"value": math.inf}, own=(1,), note=names[1])  # fmt: skip
    empty = Table(title="empty", columns=("a", "b"), rows=())
    long = Table(title="long", columns=("a", "b"), rows=tuple((str(n), n) for n in range(60)))
    return Report(
        title=names[0],
        date="2026-11-21",
        provenance=((names[1], names[3]), ("hash", "f" * 64)),
        sections=(
            Section(names[1], (Note(names[0]), Note(names[1], warning=True), table, empty, long)),
            Section("Plots", plots),
        ),
    )
