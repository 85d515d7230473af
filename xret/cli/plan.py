"""`xret plan`: what a job takes, by arithmetic from rates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from xret.cli.options import json_option, verbose_option
from xret.cli.plan_options import (
    Count,
    Positive,
    chosen_rates,
    job_numbers,
    job_options,
    kept_rates_are_there,
    measure_option,
    rates_option,
)
from xret.cli.plan_text import rates_json, show_checks, show_figures, show_rates

__all__ = ["plan"]

NOTE = """
Nothing is read or computed: figures come from rates and formulas, and are as good as these. Rates are, in this order:
the options above, --rates FILE, what --measure found on this machine (kept in xret's cache folder), what is assumed.
"""

EXAMPLE = """
\b
Examples:
  xret plan mine --src 10e9 --tgt 10e9 --dim 384
  xret plan search --documents 1e9 --codec RaBitQ --json
  xret plan check
"""

CHECKS = """
On your machine it takes --rows 1e6, and eight minutes.

\b
Examples:
  xret plan check
  xret plan check --json
"""


@click.group(epilog=EXAMPLE)
def plan() -> None:
    """Estimate bytes, hours and machines of a job before it is begun."""


@plan.command(
    epilog=NOTE + "\n\b\nExamples:\n  xret plan mine --src 10e9 --tgt 10e9 --dim 384 --lists 1048576 --nprobe 32\n"
    "  xret plan mine --src 1e6 --tgt 1e6 --lists 0 --gpu-tflops 30:100 --json\n"
)
@click.option("--src", type=Count(), required=True, help="Sentences of one side.")
@click.option("--tgt", type=Count(), required=True, help="Sentences of the other side.")
@click.option("-k", "--k", type=Count(), default=4, show_default=True, help="Neighbours in the margin.")
@click.option("--best", type=Count(), default=4, show_default=True, help="Neighbours kept for the pairs.")
@job_options
def mine(src: int, tgt: int, k: int, best: int, as_json: bool, **options: Any) -> None:
    """Estimate mining sentence pairs of two sides."""
    from xret.planning import MineJob, plan_mine
    from xret.planning.mining import automatic_lists

    rates = chosen_rates(options)
    job = MineJob(src=src, tgt=tgt, k=k, best=best, **job_numbers(options, automatic_lists(src, tgt)))
    show_figures(plan_mine(job, rates), rates, as_json=as_json)


@plan.command(
    epilog=NOTE + "\n\b\nExamples:\n  xret plan search --documents 10e9 --codec PQ64 --qps 1000\n"
    "  xret plan search --documents 5e6 --node-ram 32 --json\n"
)
@click.option("--documents", type=Count(), required=True, help="Rows of the index.")
@click.option("--rerank", type=Count(0), default=100, show_default=True, help="Hits scored again by fp16 vectors.")
@click.option("--qps", type=Positive(), default=100, show_default=True, help="Queries a second that are wanted.")
@job_options
def search(documents: int, rerank: int, qps: float, as_json: bool, **options: Any) -> None:
    """Estimate an index of documents and its queries."""
    from xret.planning import SearchJob, plan_search
    from xret.planning.searching import automatic_lists

    rates = chosen_rates(options)
    numbers = job_numbers(options, automatic_lists(documents))
    job = SearchJob(documents=documents, rerank=rerank, qps=qps, **numbers)
    show_figures(plan_search(job, rates), rates, as_json=as_json)


@plan.command(epilog="\b\nExamples:\n  xret plan rates\n  xret plan rates --json\n")
@rates_option
@measure_option
@json_option
@verbose_option
def rates(rates: Path | None, measure: bool, as_json: bool) -> None:
    """Show the rates that plans are made from, and where each is from."""
    found = chosen_rates({"rates": rates, "measure": measure})
    if as_json:
        click.echo(json.dumps(rates_json(found, found.names()), ensure_ascii=False, indent=1))
    else:
        show_rates(found, found.names())


@plan.command(epilog=CHECKS)
@click.option(
    "--rows",
    type=Count(),
    help="Measure this machine instead: its rates first, if they are not kept, then the searches of so many made-up "
    "sentences a side (core-minutes: 1 at 100e3, 8 at 1e6).",
)
@measure_option
@json_option
@verbose_option
def check(rows: int | None, measure: bool, as_json: bool) -> None:
    """Set estimates beside searches for neighbours that were measured.

    Without --rows these are of a million sentences a side, and the rates those of the same machine; both come with
    xret. Rates are always measured with 32,768 sentences a side.
    """
    from xret.errors import UsageError
    from xret.planning.checked import MEASURED, measured_here
    from xret.planning.checked import check as checked
    from xret.planning.rates import Rates

    if rows is None:
        if measure:
            raise UsageError("--measure: the runs that come with xret are another machine's; give --rows, too")
        found = checked(MEASURED, Rates())
    else:
        measured = measured_here(rows)
        rates = chosen_rates({"rates": None, "measure": measure or not kept_rates_are_there()})
        found = checked(measured, rates)
    if as_json:
        fields = [{**vars(each.run), "estimate": [each.low, each.high], "ratio": each.ratio} for each in found]
        click.echo(json.dumps(fields, ensure_ascii=False, indent=1))
    else:
        show_checks(found)
