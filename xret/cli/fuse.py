"""`xret fuse`: several runs to one."""

from __future__ import annotations

import sys

import click

from xret.cli.options import run_output_option, verbose_option

__all__ = ["fuse"]

EXAMPLE = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret index build docs.jsonl -o docs.index
  xret search docs.index --queries queries.tsv -k 100 -o run.trec
  xret rerank run.trec --queries queries.tsv --corpus docs.jsonl --model maxsim -o run2.trec
Examples:
  xret fuse run.trec run2.trec -o fused.trec
  xret fuse run.trec run2.trec -o - --depth 10 -k 20
"""


@click.command(epilog=EXAMPLE)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@run_output_option
@click.option("--method", type=click.Choice(["rrf"]), default="rrf", show_default=True, help="How to merge.")
@click.option("-k", default=60, show_default=True, metavar="K", type=click.IntRange(min=0), help="Constant of rrf.")
@click.option("--depth", metavar="N", type=click.IntRange(min=1), help="Documents per query.  [default: all]")
@click.option("--tag", metavar="NAME", help="Name of the new run.  [default: the method]")
@verbose_option
def fuse(runs: tuple[str, ...], output: str, method: str, k: int, depth: int | None, tag: str | None) -> None:
    """Merge runs by reciprocal rank fusion: a document's score is the sum of 1 / (K + its rank) over the runs."""
    from xret.cli.overwrite import refuse_overwriting
    from xret.runs import read_run, write_run
    from xret.stages.fuse import fuse_runs

    refuse_overwriting(output, *runs)
    fused = fuse_runs([read_run(run) for run in runs], k=k, depth=depth, tag=tag or method)
    write_run(fused, sys.stdout.buffer if output == "-" else output)
    click.echo(f"{output}: {fused.num_rows:,} documents for {len(fused['qid'].unique()):,} queries", err=True)
