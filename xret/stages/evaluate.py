"""Evaluation as stages: a run against judgements, mined pairs against gold; both give a report table."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from xret.errors import UsageError
from xret.eval.bitext import BitextScores, best_threshold, bitext_scores
from xret.eval.scores import DEFAULT_MEASURES, RunScores, query_languages, score_run
from xret.stages.stage import Stage

__all__ = ["Evaluate", "EvaluateBitext"]


@dataclass(frozen=True, kw_only=True)
class Evaluate(Stage):
    """Scores a run by trec_eval's rules.

    Output: `measure: string, slice: string, queries: int64, value: float64`; slices are ``all`` (the mean over every
    query of the qrels) and, where the languages of the queries are known (`lang` of the queries, else `qlang` of the
    run), ``lang:XX`` for each of them and ``macro`` (the mean of the languages' means).
    """

    name = "evaluate"
    inputs = ("run", "qrels", "queries?")
    output = "report"

    measures: tuple[str, ...] = DEFAULT_MEASURES

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The report on a run, given qrels and queries (or None)."""
        run, qrels, queries = values
        scores = score_run(run, qrels, self.measures)
        return _table(_run_rows(scores, query_languages(run, queries)), ("measure", "slice", "queries", "value"))


@dataclass(frozen=True, kw_only=True)
class EvaluateBitext(Stage):
    """Scores mined pairs against gold, at a threshold and at the best one (BUCC protocol).

    Output: `measure: string, slice: string, pairs: int64, value: float64`; measures ``precision``, ``recall``, ``F1``
    and ``threshold``; slices ``all`` (every pair) or ``given`` (those that reach `threshold`), and ``best``; `pairs` is
    the number of pairs taken. No pairs at all score 0, and have no ``best``.
    """

    name = "evaluate-bitext"
    inputs = ("pairs", "gold")
    output = "report"

    threshold: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        if self.threshold is not None and math.isnan(self.threshold):
            raise UsageError("threshold is nan, which no score reaches; wanted a number")

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The report on pairs, given gold."""
        pairs, gold = values
        given = bitext_scores(pairs, gold, threshold=self.threshold)
        rows = list(_bitext_rows("all" if self.threshold is None else "given", given))
        if pairs.num_rows:
            rows += _bitext_rows("best", best_threshold(pairs, gold))
        return _table(rows, ("measure", "slice", "pairs", "value"))


Row = tuple[str, str, int, float | None]


def _run_rows(scores: RunScores, languages: dict[str, str]) -> list[Row]:
    means = scores.means()
    rows: list[Row] = [(measure, "all", len(scores.qids), value) for measure, value in means.items()]
    if languages:
        for row in scores.by_language(languages).to_pylist():
            if row["lang"] != "micro":
                where = "macro" if row["lang"] == "macro" else f"lang:{row['lang']}"
                rows += [(measure, where, row["queries"], row[measure]) for measure in means]
    return rows


def _bitext_rows(where: str, scores: BitextScores) -> Iterator[Row]:
    for measure, value in (("precision", scores.precision), ("recall", scores.recall), ("F1", scores.f1)):
        yield measure, where, scores.extracted, value
    yield "threshold", where, scores.extracted, scores.threshold


def _table(rows: list[Row], names: tuple[str, ...]) -> pa.Table:
    types = (pa.string(), pa.string(), pa.int64(), pa.float64())
    columns = zip(*rows, strict=True)
    return pa.table({name: pa.array(column, kind) for name, column, kind in zip(names, columns, types, strict=True)})
