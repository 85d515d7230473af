"""`xret models pull`: fetch an encoder, look at it, and build its graph."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from xret.cli.options import json_option, verbose_option

if TYPE_CHECKING:
    from xret.encoders.card import ModelCard

__all__ = ["pull", "recipe_options"]

EXAMPLE = """
\b
Examples:
  xret models pull xret-mini
  xret models pull xret-mini -o mini-ready
  xret models info mini-ready
"""


Command = TypeVar("Command", bound=Callable[..., Any])


def recipe_options(command: Command) -> Command:
    """What is said of a model besides: see `xret.encoders.checkpoints.stated`."""
    options = [
        click.option("--query-prompt", metavar="TEXT", help="What the model wants before a query."),
        click.option("--document-prompt", metavar="TEXT", help="What the model wants before a document."),
        click.option("--pooling", metavar="MODE", help="How token vectors become one: mean, cls, max, lasttoken, …"),
        click.option("--max-length", type=click.IntRange(min=1), metavar="N", help="Tokens of a text to read."),
        click.option("--dim", type=click.IntRange(min=1), metavar="N", help="Keep the first N values of a vector."),
        click.option("--languages", metavar="L,L…", help="Keep only these languages' adapters (XMOD)."),
        click.option(
            "--romanise",
            metavar="WHAT",
            help="Read in Latin letters: scripts (Cher,Ethi), texts in languages (yi,am), all scripts (all), all but "
            "some (all,-Cyrl), or those that the tokeniser hardly knows (unseen); with ',beside', behind the text as "
            "it stands.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command(epilog=EXAMPLE)
@click.argument("name")
@click.option("-o", "--output", metavar="FOLDER", type=click.Path(path_type=Path), help="Make a ready folder of it.")
@click.option("--revision", metavar="REV", help="Branch, tag or commit on the hub.")
@recipe_options
@json_option
@verbose_option
def pull(name: str, output: Path | None, revision: str | None, as_json: bool, **options: str | int | None) -> None:
    """Fetch an encoder and build its graph, so that it is ready without a network.

    NAME is a hub id such as sentence-transformers/LaBSE, fetched from huggingface.co (or HF_ENDPOINT), or a model that
    is on disk: a folder, or package:NAME/FOLDER. With :int8, :bf16 or :fp16 behind it, the graph is of that precision.

    What the model's files do not say can be said here, as in 'castorini/mdpr-tied-pft-msmarco --pooling cls'. It is
    kept beside a fetched model (xret.json), or with -o in the new folder, which any xret command then takes as an
    encoder.
    """
    from xret.cli.model_text import model_lines, stated_from
    from xret.encoders.hub.pulling import pull_model

    pulled = pull_model(name, output=output, revision=revision, stated=stated_from(options))
    if as_json:
        click.echo(json.dumps(pulled.fields(), ensure_ascii=False, indent=1))
        return
    for key, value in model_lines(pulled.card).items():
        click.echo(f"{key:<11} {value}")
    click.echo(f"{'graphs':<11} {pulled.graph_bytes / 1e6:.1f} MB, {pulled.precision}, {pulled.seconds:.1f} s")
    if (drift := pulled.drift) is not None:
        told = f"mean {drift.mean:.4f}, lowest {drift.minimum:.4f} of {drift.texts} sentences"
        click.echo(f"{'int8':<11} cosine with fp32: {told}")
    click.echo(f"ready: {_next(pulled.encoder, pulled.card)}", err=True)


def _next(name: str, card: ModelCard) -> str:
    """The command that a model is for."""
    if card.recipe.scores:
        return f"xret rerank --model {shlex.quote(name)}"
    return f"xret {'encode' if card.recipe.dim else 'rerank --model maxsim'} --encoder {shlex.quote(name)}"
