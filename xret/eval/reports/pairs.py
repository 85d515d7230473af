"""The report of mined pairs: margins, and precision and recall where gold is known."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.eval.bitext import best_threshold, bitext_scores
from xret.eval.bucc import gold_labels
from xret.eval.probabilities import probability_scores
from xret.eval.reports.chances import reliability
from xret.reports import Counts, Curve, Curves, Report, Section, Series, Table
from xret.reports.bins import bins_of, counted
from xret.reports.report import Block

__all__ = ["pairs_report"]

POINTS = 200  # of the curve


def pairs_report(
    pairs: pa.Table, gold: pa.Table | None = None, *, threshold: float | None = None, title: str = "Mined pairs",
    date: str = "", provenance: tuple[tuple[str, str], ...] = (),
) -> Report:  # fmt: skip
    """Report on pairs.

    Args:
        pairs: `score, src_id, tgt_id`, and perhaps `probability`.
        gold: `src_id, tgt_id`.
        threshold: the lowest score that is taken; None: with gold the best there is, else none.
        title, date, provenance: of the report.

    Raises:
        EvalError: gold is empty or shares no id with the pairs, or a score is NaN.
    """
    score = pairs["score"].cast(pa.float64()).to_numpy()
    right = None if gold is None else gold_labels(pairs, gold)
    blocks: list[Block] = []
    if gold is not None:
        given = asdict(bitext_scores(pairs, gold, threshold=threshold))
        best = asdict(best_threshold(pairs, gold)) if len(score) else None
        if threshold is None and best:
            threshold = best["threshold"]
        blocks.append(_scores(given, best))
    blocks.append(_margins(score, right, threshold))
    if gold is not None and right is not None and len(score):
        blocks.append(_curve(score, right, gold.num_rows))
    sections = [Section("Margins", tuple(blocks))]
    if right is not None and "probability" in pairs.column_names and len(score):
        sections.append(Section("Calibration", _probabilities(pairs, right)))
    return Report(title=title, date=date, provenance=provenance, sections=tuple(sections))


def _scores(given: dict[str, float], best: dict[str, float] | None) -> Table:
    columns = ("threshold", "precision", "recall", "f1", "correct", "extracted", "gold")
    rows = [("all pairs" if given["threshold"] is None else "given threshold", given), ("best threshold", best)]
    return Table(
        title="Pairs against gold",
        columns=("pairs", *columns),
        rows=tuple((name, *(row[column] for column in columns)) for name, row in rows if row is not None),
        note="The best threshold is chosen on this same gold, so its F1 is an upper bound.",
    )


def _margins(score: npt.NDArray[np.float64], right: npt.NDArray[np.bool_] | None, threshold: float | None) -> Counts:
    edges = bins_of(score)
    series: tuple[Series, ...]
    if right is None:
        series = (Series("pairs", counted(score, edges)),)
        description = "Pairs by score."
    else:
        series = (Series("in gold", counted(score[right], edges)), Series("not in gold", counted(score[~right], edges)))
        description = (
            "Pairs by score, those in gold below those that are not. Some that are not may be right all the same."
        )
    return Counts(
        title="Scores of the pairs", description=f"{description} The first and the last bin hold the tails, too.",
        edges=edges, series=series, axis="score", threshold=threshold, tails=True,
    )  # fmt: skip


def _curve(score: npt.NDArray[np.float64], right: npt.NDArray[np.bool_], wanted: int) -> Curves:
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(right[order])
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    ends = ends[np.unique(np.linspace(0, len(ends) - 1, POINTS).round().astype(np.int64))]
    recall, precision = hits[ends] / wanted, hits[ends] / (ends + 1)
    return Curves(
        title="Precision and recall",
        description="Of the pairs that reach a threshold, as it falls; equal scores are never parted.",
        curves=(Curve("pairs", tuple(recall.tolist()), tuple(precision.tolist())),),
        x_axis="recall",
        y_axis="precision",
        unit_x=True,
    )


def _probabilities(pairs: pa.Table, right: npt.NDArray[np.bool_]) -> tuple[Block, ...]:
    probability = pairs["probability"].cast(pa.float64()).to_numpy()
    worth = asdict(probability_scores(probability, right))
    table = Table(
        title="What the probabilities are worth", columns=("measure", "value"),
        rows=tuple((name.replace("_", " "), value) for name, value in worth.items()),
        note="Less is better in all; base: the Brier score of always saying the mean.",
    )  # fmt: skip
    return reliability("Reliability of the probabilities", probability, right), table
