"""`xret models distil`: train a student encoder from a teacher and parallel text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from xret.cli.options import threads_option, verbose_option

__all__ = ["distil"]

EPILOG = """
\b
A recipe (--config) is a TOML file of these options and more (weights and caps of sources, documents,
[[pairs]]); training.json of any model made has all of them.
Examples (need the extra 'train'; seconds in the sample, which 'xret demo --export sample' writes):
  xret models distil --pairs training-pairs.tsv --teacher xret-mini --vocab-size 400 --hidden-size 32 --steps 50 -o tiny
  xret models distil --pairs training-pairs.tsv --teacher xret-mini --student hybrid --init tiny --steps 2 -o hybrid
"""

Command = TypeVar("Command", bound=Callable[..., Any])
_COUNT = click.IntRange(min=1)


def _student_options(command: Command) -> Command:
    """What is trained, and what it begins as."""
    options: list[Any] = [
        click.option("--teacher", metavar="E", help="Encoder whose vectors are the targets."),
        click.option("--student", type=click.Choice(["static", "hybrid", "transformer"]), help="Kind of model."),
        click.option("--init", metavar="MODEL", help="Model that the student begins as."),
        click.option("--tokeniser", type=click.Choice(["init", "fit"]), help="Of --init, or one fitted on the pairs."),
        click.option("--vocab-size", type=click.IntRange(min=100), metavar="N", help="Pieces of a fitted tokeniser."),
        click.option("--hidden-size", type=_COUNT, metavar="N", help="Values of a token vector, or of a layer."),
        click.option("--layers", type=_COUNT, metavar="N", help="Layers of a new hybrid or transformer."),
        click.option("--heads", type=_COUNT, metavar="N", help="Heads of their attention."),
        click.option("--no-project", "project", flag_value=False, default=None, type=bool,
                     help="Refuse a student of another width than the teacher, instead of adding a layer."),
        click.option("--name", help="Name of the model made."),
    ]  # fmt: skip
    return _with(command, options)


def _training_options(command: Command) -> Command:
    """How it is trained."""
    options: list[Any] = [
        click.option("--languages", metavar="de,fr,…", help="Languages trained in earnest."),
        click.option("--romanise", metavar="all|Cher,…", help="Scripts and languages to read in Latin letters."),
        click.option("--contrast-weight", type=float, metavar="X", help="Of the contrast between translations."),
        click.option("--margin", type=float, metavar="X", help="Off the right pair's cosine in it (LaBSE)."),
        click.option("--dims", metavar="256,128,…", help="First values to contrast as well (Matryoshka)."),
        click.option("--teacher-weight", type=float, metavar="X", help="Of the regression to the teacher."),
        click.option("--masked-weight", type=float, metavar="X", help="Of guessing hidden tokens (LASER3)."),
        click.option(
            "--text", "texts", multiple=True, metavar="FILE", help="Monolingual text for it. May be repeated."
        ),
        click.option("--temperature", type=float, metavar="X", help="Of the contrasts; it divides the cosines."),
        click.option("--language-power", type=float, metavar="X", help="Languages are drawn by size to this power."),
        click.option("--hard-share", type=float, metavar="X", help="Share of batches of near neighbours."),
        click.option("--cross-share", type=float, metavar="X", help="Share of pairs between two foreign languages."),
        click.option(
            "--questions",
            multiple=True,
            metavar="FILE",
            help="Parquet or JSONL of question, passage, question_lang, passage_lang, id, group; only the "
            "first two must be there. May be repeated.",
        ),
        click.option("--steps", type=_COUNT, metavar="N", help="Training steps."),
        click.option("--batch-size", type=click.IntRange(min=2), metavar="N", help="Pairs per step."),
        click.option("--learning-rate", type=float, metavar="X", help="Peak learning rate of token tables."),
        click.option("--dense-learning-rate", type=float, metavar="X", help="… of layers and transformers."),
        click.option("--eval-every", type=_COUNT, metavar="N", help="Steps between dev evaluations and checkpoints."),
        click.option(
            "--patience", type=click.IntRange(min=0), metavar="N", help="Evaluations without progress to stop at."
        ),
        click.option("--precision", type=click.Choice(["bfloat16", "float32"]), help="To compute in."),
        click.option("--device", metavar="D", help="cpu, cuda, cuda:N, or auto."),
        click.option("--seed", type=int, metavar="N", help="Of sampling and initialisation."),
    ]
    return _with(command, options)


def _with(command: Command, options: list[Any]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


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
    metavar="FILE",
    help="Parquet, TSV, CSV or JSONL of pairs: en, text, lang and, optionally, source; FILE:LANG where it has no "
    "lang. Or two text files, line by line: A,B:LANG. May be repeated.",
)
@click.option(
    "-o", "--out", required=True, metavar="FOLDER", type=click.Path(path_type=Path), help="Model folder to make."
)
@click.option(
    "--work", metavar="DIR", type=click.Path(path_type=Path), help="Keeps data, teacher vectors, checkpoints; resumes."
)
@_student_options
@_training_options
@threads_option
@verbose_option
def distil(
    config: Path | None,
    paths: tuple[str, ...],
    out: Path,
    work: Path | None,
    threads: int | None,
    **overrides: Any,
) -> None:
    """Train a small encoder whose vectors for translations equal the teacher's for the English side.

    "English" is the language of the side that the teacher reads. An interrupted run goes on where it stopped when the
    same command is given again.
    """
    from xret.encoders.distil.config import read_config
    from xret.errors import require

    require("torch", extra="train", purpose="training a student")
    from xret.encoders.distil.distillation import distil as run

    for name in ("languages", "romanise", "dims"):
        overrides[name] = _listed(name, overrides[name])
    for name in ("texts", "questions"):
        overrides[name] = list(overrides[name]) or None
    made = run(paths, read_config(config, overrides), out=out, work=work or Path(f"{out}.work"), threads=threads)
    measured = (
        f"on {made.held_out:,} held-out pairs, dev accuracy {100 * made.dev_accuracy:.1f} %, "
        f"int8 drift (cosine) {made.drift:.5f}"
        if made.held_out
        else "too few to hold any out, so not measured"
    )
    click.echo(f"{made.folder}: trained on {made.pairs:,} pairs; {measured}", err=True)


def _listed(name: str, given: str | None) -> list[str] | list[int] | None:
    from xret.errors import UsageError

    if not given:
        return None
    parts = [part.strip() for part in given.split(",") if part.strip()]
    if name != "dims":
        return parts
    if not all(part.isdigit() for part in parts):
        raise UsageError(f"--dims {given}: wanted whole numbers, as in 256,128,64")
    return [int(part) for part in parts]
