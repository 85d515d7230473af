"""`xret rerank`: a run scored anew from the texts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from xret.cli.counting import counted
from xret.cli.engine_options import chosen_engine, engine_options
from xret.cli.options import (
    device_option,
    encoder_option,
    on_error_option,
    run_output_option,
    threads_option,
    verbose_option,
)

__all__ = ["rerank"]

EXAMPLE = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret index build docs.jsonl -o docs.index
  xret search docs.index --queries queries.tsv -k 100 -o run.trec
Examples:
  xret rerank run.trec --queries queries.tsv --corpus docs.jsonl -o reranked.trec
  xret rerank run.trec --queries queries.tsv --corpus docs.jsonl --depth 20 --encoder xret-mini -o top.trec
  xret rerank run.trec --queries queries.tsv --corpus docs.jsonl --model light -o light.trec
  xret rerank run.trec --queries queries.tsv --corpus docs.jsonl --truncation windows --window 64 -o windows.trec
"""


@click.command(epilog=EXAMPLE)
@click.argument("run", metavar="RUN")
@click.option("--queries", required=True, metavar="Q", help="The queries of the run.")
@click.option("--corpus", required=True, metavar="C", help="The documents of the run.")
@click.option(
    "--model",
    default="maxsim",
    show_default=True,
    metavar="R",
    help="How to score: maxsim, light, or a cross-encoder's name.",
)
@encoder_option
@click.option(
    "--depth", default=100, show_default=True, metavar="N", type=click.IntRange(min=1), help="Documents per query."
)
@click.option(
    "--truncation",
    type=click.Choice(["first", "windows"]),
    default="first",
    show_default=True,
    help="Documents longer than the model reads: their beginning, or all of them in windows, of which the best counts.",
)
@click.option(
    "--window",
    type=click.IntRange(min=1),
    metavar="N",
    help="Tokens of a document in a window, or that are read of it at all.  [default: as many as the model, or its "
    "head, counts]",
)
@click.option(
    "--overlap",
    type=click.IntRange(min=0),
    metavar="N",
    help="Tokens that two windows share.  [default: half a window]",
)
@click.option(
    "--weight",
    type=float,
    metavar="A",
    help="For light: how much MaxSim counts beside the cosine.  [default: 4 for models with a head for MaxSim, such as "
    "xret-mini, 0.5 for others]",
)
@click.option(
    "--maxp", is_flag=True, help="C holds passages, its doc_id their documents: rank documents by their best passage."
)
@click.option(
    "--run-of",
    type=click.Choice(["passages", "documents"]),
    help="For --maxp: what RUN ranks.  [default: as its ids say]",
)
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    metavar="N",
    help="Tokens scored at a time, padding included.  [default: what suits the device]",
)
@run_output_option
@on_error_option
@engine_options
@device_option
@threads_option
@verbose_option
def rerank(
    run: str,
    queries: str,
    corpus: str,
    output: str,
    on_error: Any,
    engine: str | None,
    workers: int | None,
    **options: Any,
) -> None:
    """Score the first --depth documents of every query of RUN again; those beyond are dropped.

    maxsim: exact MaxSim between the token vectors of --encoder: every query token is matched with its nearest document
    token, and the cosines are summed, or averaged and weighted as the model was trained (from the vectors of a multi-
    vector index: xret search INDEX --candidates RUN). light: the cosine of both texts plus MaxSim, with --encoder; for
    xret-mini, which has a head for MaxSim, either improves on its own search, light a little more. Else R is a cross-
    encoder, which reads query and document together: a model folder or a hub id on disk.

    R may be BASE+LANGUAGE+RANKING: a base model and modules put on it, each a folder or a hub id on disk: bottleneck
    adapters (AdapterHub's layout, or module.json with module.safetensors), sparse differences (module.json with
    module.safetensors) or LoRA (PEFT's layout). {dlang} and {qlang} in a module's name stand for the language of the
    document and of the query: bert+adapters/{dlang}+adapters/ranking.

    With --maxp the documents of RUN may be passages (ids of C), or documents (values of C's doc_id, or ids of rows that
    have none), all of whose passages are then scored; the result is of documents. Where its ids may be either, --run-of
    says which.
    """
    from xret.atomic import temporary_folder
    from xret.cli.overwrite import refuse_overwriting
    from xret.corpus import open_corpus
    from xret.runs import read_run, write_run
    from xret.stages.rerank import Rerank

    _refuse_idle(options["model"])
    refuse_overwriting(output, run, queries, corpus)
    table = read_run(run)
    texts = [open_corpus(source, on_error=on_error) for source in (queries, corpus)]
    beside = Path("rerank" if output == "-" else output)
    with chosen_engine(engine, workers) as chosen, temporary_folder(beside if chosen else None) as work:
        reranked = Rerank(**options).run(table, *texts, work=work)
    write_run(reranked, sys.stdout.buffer if output == "-" else output)
    documents, asked = counted(reranked.num_rows, "document"), counted(len(reranked["qid"].unique()), "query")
    click.echo(f"{output}: {documents} for {asked}", err=True)


def _refuse_idle(model: str) -> None:
    """Refuse options that the model does not read."""
    from xret.errors import UsageError

    source = click.get_current_context().get_parameter_source
    if model not in ("maxsim", "light") and source("encoder") is ParameterSource.COMMANDLINE:
        raise UsageError(f"--encoder is for --model maxsim and light; '{model}' scores by itself, leave --encoder out")
    if model != "light" and source("weight") is ParameterSource.COMMANDLINE:
        raise UsageError(f"--weight is for --model light, and this is '{model}'; leave it out")
