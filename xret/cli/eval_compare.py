"""What commands that compare runs share: the options of statistics, and how a comparison is printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from xret.cli.eval import print_table

if TYPE_CHECKING:
    from xret.eval.evaluation import Evaluation
    from xret.eval.statistics import Comparison

__all__ = ["compare_options", "compared", "print_comparison", "refuse_idle"]

Command = TypeVar("Command", bound=Callable[..., Any])
RESAMPLES = 1_000_000  # more take memory and hours, and change nothing
OPTIONS = (
    click.option(
        "--compare", is_flag=False, flag_value="", default=None, metavar="[BASELINE]",
        help="Intervals, and differences with p-values: of every two runs, or to BASELINE.",
    ),
    click.option(
        "--correction", default="holm", show_default=True, type=click.Choice(["holm", "bh", "none"]),
        help="For --compare: Holm, Benjamini-Hochberg or none, over all comparisons made.",
    ),
    click.option(
        "--interval", default="percentile", show_default=True, type=click.Choice(["percentile", "bca"]),
        help="For --compare: of the bootstrap.",
    ),
    click.option(
        "--resamples", default=10_000, show_default=True, metavar="N", type=click.IntRange(min=100),
        help="For --compare: draws of the bootstrap and of the test, up to 1,000,000.",
    ),
    click.option(
        "--seed", default=0, show_default=True, metavar="N", type=click.IntRange(min=0),
        help="For --compare: of all draws.",
    ),
    click.option(
        "--by-topic", is_flag=True,
        help="For --compare: draw topics, not queries (column topic or doc_id of --queries, else by shared documents).",
    ),
    click.option("--by-language", is_flag=True, help="For --compare: also every language of queries by itself."),
)  # fmt: skip


def compare_options(command: Command) -> Command:
    """``--compare [BASELINE] --correction --interval --resamples --seed --by-topic --by-language``."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def refuse_idle(options: dict[str, Any], runs: tuple[str, ...]) -> None:
    """Refuse options of a comparison where there is none, a baseline that is not there, and draws without end.

    Raises:
        UsageError: one of them is given without ``--compare``, the baseline is not among the runs, or resamples are
            more than `RESAMPLES`.
    """
    from xret.errors import UsageError

    context = click.get_current_context()
    for name in ("correction", "interval", "resamples", "seed", "by_topic", "by_language"):
        if options["compare"] is None and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = name.replace("_", "-")
            raise UsageError(f"--{option} is for --compare, which is not given; add it, or leave --{option} out")
    if options["resamples"] > RESAMPLES:
        raise UsageError(f"--resamples {options['resamples']}: wanted at most {RESAMPLES:,}")
    if options["compare"] and options["compare"] not in runs:
        raise UsageError(
            f"--compare {options['compare']}: is not among the runs ({', '.join(runs)}); name one of them, or put "
            "--compare last to compare every two"
        )


def compared(result: Evaluation, qrels: Any, queries: Any, options: dict[str, Any]) -> Comparison | None:
    """The comparison asked for, None where none is."""
    from xret.errors import UsageError
    from xret.eval.statistics import compare_runs
    from xret.eval.topics import topics_of

    if options["compare"] is None:
        return None
    languages = next(filter(None, result.languages.values()), None) if options["by_language"] else None
    if options["by_language"] and not languages:
        raise UsageError("--by-language needs the languages of queries; add --queries")
    return compare_runs(
        result.scores, baseline=options["compare"] or None, correction=options["correction"],
        interval=options["interval"], resamples=options["resamples"], seed=options["seed"], languages=languages,
        topics=topics_of(qrels, queries) if options["by_topic"] else None,
    )  # fmt: skip


def print_comparison(comparison: Comparison) -> None:
    """Tables of intervals and differences, and how they were made."""
    by_language = len(set(comparison.intervals["lang"].to_pylist())) > 1
    lang = ["lang", "queries"] if by_language else ["queries"]
    click.echo(f"\nmeans with {comparison.confidence:.0%} intervals")
    rows = comparison.intervals.rename_columns({"system": "run"}).to_pylist()
    print_table(rows, ["run", "measure", *lang, "mean", "low", "high"])
    if comparison.comparisons:
        click.echo("\ndifferences: run less baseline")
        rows = comparison.differences.rename_columns({"system": "run"}).to_pylist()
        numbers = ["difference", "low", "high", "p", "corrected", "detectable"]
        print_table(rows, ["run", "baseline", "measure", *lang, *numbers])
    click.echo(comparison.definition())
