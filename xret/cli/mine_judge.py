"""Which of the mined pairs `xret mine` keeps, and what they are worth by gold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from xret.cli.bitext_output import announce
from xret.cli.calibrating import calibrated
from xret.cli.mine_run import Run
from xret.eval.bitext import BitextScores, best_threshold, bitext_scores
from xret.stages.mine import Mine

if TYPE_CHECKING:
    from xret.bitext.filters import Filtered

__all__ = ["cut", "judge_filtered"]


def cut(pairs: pa.Table, run: Run) -> tuple[pa.Table, float | None]:
    """The pairs, with P(parallel) where it is asked for, and the lowest score to keep; says how that was found."""
    threshold = run.given["threshold"]
    if run.by_probability and run.calibration is not None:
        kept = run.calibration.kept(pairs)
        announce(f"P(parallel) below {run.calibration.least:.4g}: {pairs.num_rows - kept.num_rows:,} pairs dropped")
        return kept, None
    limit = None if threshold == "auto" else threshold
    if threshold == "auto" and run.gold is None:
        margin = run.given["margin"]
        limit = Mine(margin=margin, threshold="auto", rescore=run.given["rescore"]).limit()
        tokens = " with tokens" if run.given["rescore"] else ""
        announce(f"threshold {limit}: usual for {margin}{tokens}; --gold tunes it")
    if run.gold is not None:
        limit = _judged(pairs, run.gold, threshold)
    return calibrated(pairs, run.calibration), limit


def _judged(pairs: pa.Table, gold: pa.Table, threshold: float | str | None) -> float | None:
    """The threshold, after printing what the pairs that reach it are worth."""
    best = best_threshold(pairs, gold) if pairs.num_rows else None
    limit = threshold if isinstance(threshold, float) else None
    if threshold == "auto" and best:
        limit = best.threshold
    scores = [("", bitext_scores(pairs, gold, threshold=limit))]
    if best and best.threshold != limit:
        scores.append((", the best", best))
    for note, each in scores:
        which = "all pairs" if each.threshold is None else f"threshold {each.threshold:.6g}{note}"
        _announce(which + (", tuned on this gold" if threshold == "auto" else ""), each)
    return limit


def judge_filtered(filtered: Filtered, run: Run) -> None:
    """Say what the pairs that are left are worth, where there is gold and filters took some."""
    dropped = sum(count.dropped for count in filtered.counts if count.reason != "score-floor")
    if run.gold is not None and dropped:
        kept = bitext_scores(filtered.kept, run.gold)
        _announce("after the filters", kept)
        best = best_threshold(filtered.kept, run.gold) if filtered.kept.num_rows else None
        if best and best.f1 > kept.f1:
            _announce(f"after the filters, threshold {best.threshold:.6g}, the best", best)


def _announce(which: str, scores: BitextScores) -> None:
    announce(
        f"{which}: precision {scores.precision:.4f}, recall {scores.recall:.4f}, F1 {scores.f1:.4f} "
        f"({scores.correct:,} right of {scores.extracted:,}, {scores.gold:,} in gold)"
    )
