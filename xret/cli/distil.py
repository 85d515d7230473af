"""`xret models distil`: train a student encoder from a teacher and parallel text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from xret.cli.options import threads_option, verbose_option

__all__ = ["distil"]

EPILOG = """
\b
A recipe (--config) is a TOML file of the options; see training.json of any model made.
Example (needs the extra 'train'; takes seconds in the sample, which 'xret demo --export sample' writes):
  xret models distil --pairs training-pairs.tsv --teacher xret-mini --vocab-size 400 --hidden-size 32 --steps 50 -o tiny
"""


@click.command(epilog=EPILOG)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="TOML file of options, or a model's training.json.",
)
@click.option(
    "--pairs",
    "paths",
    multiple=True,
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Parquet or TSV of pairs: en, text, lang and, optionally, source. May be repeated.",
)
@click.option(
    "-o", "--out", required=True, metavar="FOLDER", type=click.Path(path_type=Path), help="Model folder to make."
)
@click.option(
    "--work", metavar="DIR", type=click.Path(path_type=Path), help="Keeps data, teacher vectors, checkpoints; resumes."
)
@click.option("--teacher", metavar="E", default=None, help="Encoder whose vectors are the targets.")
@click.option("--name", default=None, help="Name of the model made.")
@click.option("--languages", default=None, metavar="de,fr,…", help="Languages trained in earnest.")
@click.option("--vocab-size", type=click.IntRange(min=100), default=None, metavar="N", help="Pieces of the tokeniser.")
@click.option("--hidden-size", type=click.IntRange(min=1), default=None, metavar="N", help="Numbers per token vector.")
@click.option("--steps", type=click.IntRange(min=1), default=None, metavar="N", help="Training steps.")
@click.option("--batch-size", type=click.IntRange(min=2), default=None, metavar="N", help="Pairs per step.")
@click.option("--learning-rate", type=float, default=None, metavar="X", help="Peak learning rate.")
@click.option("--seed", type=int, default=None, metavar="N", help="Of sampling and initialisation.")
@threads_option
@verbose_option
def distil(
    config: Path | None,
    paths: tuple[Path, ...],
    out: Path,
    work: Path | None,
    languages: str | None,
    threads: int | None,
    **overrides: Any,
) -> None:
    """Train a small encoder whose vectors for translations equal the teacher's for the English side."""
    from xret.encoders.distil.config import read_config
    from xret.errors import require

    require("torch", extra="train", purpose="training a student")
    from xret.encoders.distil.distillation import distil as run

    options = {**overrides, "languages": languages.split(",") if languages else None}
    made = run(
        paths, read_config(config, options), out=out, work=work or out.with_name(out.name + ".work"), threads=threads
    )
    click.echo(
        f"{made.folder}: trained on {made.pairs:,} pairs; dev accuracy {100 * made.dev_accuracy:.1f} %, "
        f"int8 drift (cosine) {made.drift:.5f}",
        err=True,
    )
