"""`xret models token-head`: token vectors for MaxSim, added to a hybrid model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from xret.cli.options import threads_option, verbose_option

__all__ = ["token_head"]

EPILOG = """
\b
A recipe (--config) is that of the model's distillation, or its training.json: what it says of the data
(weights and caps of sources, documents, [[pairs]]) holds here too. A table [token_head] in it has these
options and more: temperature, warmup_steps, document_share, question_share, cloze_share, cross_share.
Examples (need the extra 'train'; in the sample, which 'xret demo --export sample' writes):
  xret models distil --pairs training-pairs.tsv --teacher xret-mini --vocab-size 400 --hidden-size 32 --steps 2 -o tiny
  xret models distil --pairs training-pairs.tsv --teacher xret-mini --student hybrid --init tiny --steps 2 -o hybrid
  xret models token-head hybrid --pairs training-pairs.tsv --size 16 --inner 32 --steps 2 -o with-head
"""
_DATA = ("languages", "questions", "document_sources")
_COUNT = click.IntRange(min=1)


@click.command(epilog=EPILOG)
@click.argument("model")
@click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), default=None,
    help="TOML file of options, or a model's training.json.",
)  # fmt: skip
@click.option(
    "--pairs", "paths", multiple=True, metavar="FILE",
    help="Pairs, as for 'xret models distil'; best those that the model was trained on. May be repeated.",
)  # fmt: skip
@click.option(
    "-o", "--out", required=True, metavar="FOLDER", type=click.Path(path_type=Path), help="Model folder to make."
)
@click.option("--work", metavar="DIR", type=click.Path(path_type=Path), help="Keeps data and checkpoints; resumes.")
@click.option("--replace", is_flag=True, help="Train another head in the place of one that MODEL has.")
@click.option("--size", type=click.IntRange(min=2), metavar="N", help="Values of a token vector (128).")
@click.option("--inner", type=_COUNT, metavar="N", help="Values inside the head (512).")
@click.option(
    "--document-tokens", type=click.IntRange(min=0), metavar="N",
    help="The first so many tokens of a document count (256); 0 for all.",
)  # fmt: skip
@click.option("--fade", type=float, metavar="X", help="Tokens after which they count less (32); 0 for never.")
@click.option("--languages", metavar="de,fr,…", help="Languages trained in earnest.")
@click.option(
    "--questions", multiple=True, metavar="FILE", help="Questions and passages, as for 'xret models distil'."
)  # fmt: skip
@click.option(
    "--document-sources", metavar="NAME,…", help="Sources whose pairs, in their order, are lines of documents."
)
@click.option("--hard-share", type=float, metavar="X", help="Share of sentence batches of near neighbours (0).")
@click.option("--steps", type=_COUNT, metavar="N", help="Training steps (400).")
@click.option(
    "--batch-size",
    type=click.IntRange(min=2),
    metavar="N",
    help="Documents per step (96); of sentences, twice as many.",
)
@click.option("--learning-rate", type=float, metavar="X", help="Peak learning rate (0.001).")
@click.option("--eval-every", type=_COUNT, metavar="N", help="Steps between dev evaluations and checkpoints (100).")
@click.option("--precision", type=click.Choice(["bfloat16", "float32"]), help="To compute in.")
@click.option("--device", metavar="D", help="cpu, cuda, cuda:N, or auto.")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Of sampling and initialisation.")
@threads_option
@verbose_option
def token_head(
    model: str,
    config: Path | None,
    paths: tuple[str, ...],
    out: Path,
    work: Path | None,
    replace: bool,
    threads: int | None,
    **overrides: Any,
) -> None:
    """Give a hybrid model token vectors for MaxSim, learned from the data that it was distilled with.

    MODEL stays as it is, and so do its sentence vectors. The new folder is MODEL and a head: 'xret index build
    --kind multivector' and 'xret rerank' use its token vectors. An interrupted run goes on where it stopped when the
    same command is given again.
    """
    from xret.encoders.distil.token_head.options import read_head_config
    from xret.errors import require

    require("torch", extra="train", purpose="training a token head")
    from xret.encoders.distil.token_head.making import make_token_head

    given = {name: overrides.pop(name) for name in _DATA}
    data = {
        name: None if not value else list(value) if isinstance(value, tuple) else _listed(value)
        for name, value in given.items()
    }
    head, recipe = read_head_config(config, overrides, data)
    made = make_token_head(
        model, paths, head, recipe, out=out, work=work or Path(f"{out}.work"), replace=replace, threads=threads
    )
    measured = (
        f"dev accuracy by MaxSim {100 * made.accuracy:.1f} %, {100 * made.before:.1f} % before"
        if made.accuracy == made.accuracy
        else "too few to hold any out, so not measured"
    )
    click.echo(f"{made.folder}: head trained on {made.pairs:,} pairs; {measured}", err=True)


def _listed(given: str) -> list[str]:
    return [part.strip() for part in given.split(",") if part.strip()]
