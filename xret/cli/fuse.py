"""`xret fuse`: several runs to one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from xret.cli.calibration_options import calibrate_option, prior_option
from xret.cli.counting import counted
from xret.cli.options import run_output_option, verbose_option

if TYPE_CHECKING:
    import pyarrow as pa

    from xret.stages.fuse import Fusion

__all__ = ["fuse"]

EXAMPLE = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret index build docs.jsonl -o docs.index
  xret search docs.index --queries queries.tsv -k 100 -o run.trec
  xret rerank run.trec --queries queries.tsv --corpus docs.jsonl --model maxsim -o run2.trec
Examples:
  xret fuse run.trec run2.trec -o fused.trec
  xret fuse run.trec run2.trec -o - --depth 10 --method zscore --weight 2 --weight 1
  xret fuse run.trec -o fair.trec --calibrate round-robin --corpus docs.jsonl
"""
METHODS = ("rrf", "zscore", "minmax", "combsum", "combmnz")


@click.command(epilog=EXAMPLE)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@run_output_option
@click.option("--method", type=click.Choice(METHODS), default="rrf", show_default=True, help="How to merge.")
@click.option(
    "-k",
    default=60,
    show_default=True,
    metavar="K",
    type=click.IntRange(min=0),
    help="Constant of rrf, also of --calibrate rrf.",
)
@click.option(
    "--weight", "weights", multiple=True, type=float, metavar="W", help="Of each run in turn.  [default: all alike]"
)
@calibrate_option
@prior_option
@click.option("--corpus", metavar="C", help="For --calibrate: the documents, where runs lack their languages.")
@click.option("--queries", metavar="Q", help="For --calibrate FILE: the queries, where runs lack their languages.")
@click.option("--depth", metavar="N", type=click.IntRange(min=1), help="Documents per query.  [default: all]")
@click.option("--tag", metavar="NAME", help="Name of the new run.  [default: the method]")
@verbose_option
def fuse(runs: tuple[str, ...], output: str, **options: Any) -> None:
    """Merge runs: a document's score is the sum, over the runs, of what each says of it.

    rrf: 1 / (K + its rank). zscore: its score, less the mean of the run's scores for the query, over their deviation;
    the run's least where the run lacks it. minmax: its score, from 0 for the run's least to 1 for its most. combsum:
    its score as it is. combmnz: as minmax, times the number of runs that have it.

    With --calibrate, the merged run (or a single one, by its own scores) is then ranked anew so that no language of the
    documents is ahead for its scores alone.
    """
    from xret.cli.calibration_options import METHODS as CALIBRATIONS
    from xret.cli.calibration_options import calibrated, refuse_calibration
    from xret.cli.overwrite import refuse_overwriting
    from xret.eval.scores import query_languages
    from xret.runs import read_run, write_run
    from xret.stages.fuse import fuse_runs

    calibrate, prior, depth = options["calibrate"], options["prior"], options["depth"]
    refuse_overwriting(output, *runs, options["corpus"], options["queries"], calibrate)
    refuse_calibration(calibrate, prior)
    alone = len(runs) == 1 and calibrate is not None and not _said("method")
    method: Fusion = "combsum" if alone else options["method"]  # nothing to merge: its scores as they are
    _refuse_k(method, calibrate)
    corpus, queries = (_texts(options[name], f"--{name}", calibrate) for name in ("corpus", "queries"))
    tables = [read_run(run) for run in runs]
    fused = fuse_runs(
        tables, method=method, k=options["k"], weights=options["weights"] or None,
        depth=None if calibrate else depth,  # calibration sees all there is
        tag=_name(tables[0]) if alone else options["tag"] or method,
    )  # fmt: skip
    if calibrate:
        name = calibrate if calibrate in CALIBRATIONS else "logistic"
        fused = calibrated(
            fused, calibrate, prior=prior, depth=depth, corpus=corpus, k=options["k"],
            spoken={} if queries is None else query_languages(fused, queries),
            tag=options["tag"] or (name if alone else None),
        )  # fmt: skip
    write_run(fused, sys.stdout.buffer if output == "-" else output)
    click.echo(f"{output}: {counted(fused.num_rows, 'document')} for {counted(len(fused['qid'].unique()), 'query')}",
               err=True)  # fmt: skip


def _said(name: str) -> bool:
    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE


def _refuse_k(method: str, calibrate: str | None) -> None:
    from xret.errors import UsageError

    if _said("k") and "rrf" not in (method, calibrate):
        raise UsageError(f"-k is the constant of rrf, and this is {calibrate or method}; leave it out")


def _name(run: pa.Table) -> str | None:
    """What the run is called, where all of it is called the same."""
    tags = run["tag"].unique().to_pylist()
    return tags[0] if len(tags) == 1 else None


def _texts(path: str | None, option: str, calibrate: str | None) -> pa.Table | None:
    from xret.corpus import open_corpus
    from xret.errors import UsageError

    if path is not None and not calibrate:
        raise UsageError(f"{option} is for --calibrate, which is not given; add --calibrate zscore, or leave it out")
    return None if path is None else open_corpus(path)
