"""What `xret tune` prints."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from xret.cli.eval import print_json, print_table

if TYPE_CHECKING:
    from xret.stages.tune import Tuned
    from xret.stages.tune_blind import BlindTuned

__all__ = ["print_blind", "print_tuned"]


def print_tuned(found: Tuned, *, as_json: bool) -> None:
    """What gold gave."""
    from xret.eval.bucc import VARIANTS

    by = {"score": found.bucc, "P": found.by_probability}
    if as_json:
        parts = {
            name: {
                "dev": {"variant": "b", **asdict(scores.dev)},
                "test": {
                    "variant": "a",
                    **asdict(scores.test),
                    "f1_interval": {"low": scores.low, "high": scores.high},
                },
            }
            for name, scores in by.items()
        }
        made = {"threshold": found.calibration.threshold, "least": found.calibration.least, "map": _map(found)}
        print_json({**made, "by_score": parts["score"], "by_p": parts["P"], "probability": asdict(found.probability)})
        return
    rows: list[dict[str, Any]] = []
    for name, scores in by.items():
        rows.append({"part": "dev (b)", "by": name, **asdict(scores.dev), "low": None, "high": None})
        rows.append({"part": "test (a)", "by": name, **asdict(scores.test), "low": scores.low, "high": scores.high})
    columns = ["part", "by", "threshold", "precision", "recall", "f1", "low", "high", "correct", "extracted", "gold"]
    print_table(rows, columns)
    quality = asdict(found.probability)
    click.echo()
    print_table([{"P(parallel)": _named(found), **quality}], ["P(parallel)", *quality])
    click.echo("\n" + "\n".join(VARIANTS[name] for name in ("a", "b")))
    click.echo("low, high: 95 % interval of F1; base: Brier score of always saying the share of right pairs")


def print_blind(found: BlindTuned, *, as_json: bool) -> None:
    """What decoys gave."""
    cuts = {"threshold": found.calibration.threshold, "least P": found.calibration.least}
    scores = {"precision": found.precision, "recall": found.recall, "f1": found.f1, "parallel": found.parallel}
    if as_json:
        made = {"threshold": found.calibration.threshold, "least": found.calibration.least, "map": _map(found)}
        print_json({**made, **scores, "pairs": found.pairs, "passing": dict(found.passing)})
        return
    print_table(
        [{"P(parallel)": _named(found), **cuts, **scores, "pairs": found.pairs}],
        ["P(parallel)", *cuts, *scores, "pairs"],
    )
    click.echo()
    rows = [{"decoys": kind, "reach that P": share} for kind, share in found.passing.items()]
    print_table(rows, ["decoys", "reach that P"])
    click.echo(
        "\nestimated without gold, recall among the pairs mined; absent: the counterpart taken away; others: changed"
    )


def _map(found: Tuned | BlindTuned) -> dict[str, Any]:
    made = found.calibration.probability
    return {"kind": made.kind, **made.fields()}


def _named(found: Tuned | BlindTuned) -> str:
    made = found.calibration.probability
    return f"{made.kind}({','.join(made.columns)})"
