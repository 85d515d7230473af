"""The options of `xret mine` that no other command has, and which of them do not go together."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from xret.cli.overwrite import refuse_overwriting, same_file
from xret.errors import UsageError

__all__ = ["check_options", "choice_options", "means_options", "vectors_options"]

Command = TypeVar("Command", bound=Callable[..., Any])


def _threshold(ctx: click.Context, param: click.Parameter, value: str | None) -> float | str | None:
    if value is None or value == "auto":
        return value
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise click.BadParameter(f"'{value}' is neither a number nor 'auto'.", ctx, param)
    return number


_CHOICE = (
    click.option(
        "--retrieval",
        type=click.Choice(["max", "intersect", "forward", "backward", "union", "all"]),
        default="max",
        show_default=True,
        help="Which pairs: one-to-one by falling score; best for both; best for SRC; for TGT; for either; every "
        "neighbour.",
    ),
    click.option(
        "--best",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help="How many candidates of a sentence count as its best, at most k.",
    ),
    click.option(
        "--rescore",
        type=click.Choice(["tokens"]),
        help="Score the best candidates of every sentence again, by comparing all tokens of both. Scores become "
        "higher: usual thresholds are 1.55 for ratio, 0.22 for distance, 1.02 for absolute. The texts are encoded by "
        "--encoder for this even where --src-vectors and --tgt-vectors are given.",
    ),
    click.option(
        "--threshold",
        callback=_threshold,
        metavar="FLOAT|auto",
        help="Keep pairs with at least this score; auto: best F1 on --gold, else what --calibration says, else 1.13 "
        "for ratio, 0.09 for distance, 0.63 for absolute (with --rescore 1.55, 0.22, 1.02).  [default: keep all]",
    ),
)
_MEANS = (
    click.option(
        "--src-sample",
        type=click.Path(),
        metavar="CORPUS",
        help="Sentences of SRC's language at large: TGT's neighbour means are taken from these, not from SRC.",
    ),
    click.option(
        "--tgt-means",
        type=click.Path(),
        metavar="PAIRS",
        help="An earlier run with this TGT and --retrieval backward (JSONL, Parquet): TGT's neighbour means are its.",
    ),
)
_VECTORS = (
    click.option(
        "--src-vectors",
        type=click.Path(),
        metavar="FILE",
        help="Vectors of SRC made elsewhere, row by row: .npy, bare float32 or float16 (LASER), Arrow, Parquet, or a "
        "folder by 'xret encode'.",
    ),
    click.option("--tgt-vectors", type=click.Path(), metavar="FILE", help="Likewise of TGT."),
    click.option(
        "--dim",
        type=click.IntRange(min=1),
        metavar="D",
        help="Values per row of bare vectors.  [default: 1024, as LASER's]",
    ),
)


def choice_options(command: Command) -> Command:
    """``--retrieval``, ``--best``, ``--rescore`` and ``--threshold``."""
    return _with(_CHOICE, command)


def means_options(command: Command) -> Command:
    """``--src-sample`` and ``--tgt-means``."""
    return _with(_MEANS, command)


def vectors_options(command: Command) -> Command:
    """``--src-vectors``, ``--tgt-vectors`` and ``--dim``."""
    return _with(_VECTORS, command)


def _with(options: tuple[Callable[[Command], Command], ...], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def check_options(src: str, tgt: str, output: str | None, given: dict[str, Any]) -> None:
    """Refuse, before anything is read, what does not go together.

    Raises:
        UsageError: says what, and what to do.
    """
    same = same_file(src, tgt)
    if not same and given["src_lang"] == given["tgt_lang"] not in (None, "und"):
        raise UsageError(
            f"--src-lang and --tgt-lang are both '{given['src_lang']}'; give texts of two languages, or one file twice"
        )
    _check_same(same, given)
    _check_vectors(same, given)
    _check_means(given)
    inputs = [src, tgt, *(given[name] for name in ("gold", "src_vectors", "tgt_vectors", "src_sample", "tgt_means"))]
    refuse_overwriting(output, *inputs, given["calibration"])
    if given["report"] is not None:
        refuse_overwriting(given["report"], *inputs, given["calibration"], option="--report")
        if output is not None and same_file(given["report"], output):
            raise UsageError(f"-o and --report are both '{output}'; give each a name of its own")


def _check_same(same: bool, given: dict[str, Any]) -> None:
    if not same:
        return
    for name in ("tgt_lang", "tgt_vectors", "src_sample", "tgt_means"):
        if given[name] is not None:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(
                f"{flag}: SRC and TGT are one file, which --src-lang and --src-vectors tell of; leave it out"
            )


def _check_vectors(same: bool, given: dict[str, Any]) -> None:
    from xret.cli.encoding import holds_vectors

    both = [given[name] for name in (("src_vectors",) if same else ("src_vectors", "tgt_vectors"))]
    named = [each for each in both if each is not None]
    if named and len(named) < len(both) and not (holds_vectors(named[0]) and not named[0].endswith(".npy")):
        raise UsageError(
            f"'{named[0]}' does not tell its encoder, by which the other side is to be encoded; give --src-vectors and "
            "--tgt-vectors, or a folder by 'xret encode'"
        )
    if given["dim"] is not None and not named:
        raise UsageError("--dim is of bare vectors; give --src-vectors and --tgt-vectors with it")
    if named and given["src_sample"] is not None:
        raise UsageError("--src-sample is encoded here, --src-vectors and --tgt-vectors are not; leave one out")
    source = click.get_current_context().get_parameter_source("encoder")
    if len(named) == len(both) and given["rescore"] is None and source is ParameterSource.COMMANDLINE:
        raise UsageError("--encoder would encode nothing: the vectors of both sides are given; leave it out")


def _check_means(given: dict[str, Any]) -> None:
    if given["src_sample"] is not None and given["tgt_means"] is not None:
        raise UsageError("--src-sample and --tgt-means are two ways to the same means; leave one out")
    if given["margin"] == "absolute" and (given["src_sample"] or given["tgt_means"]):
        raise UsageError("--margin absolute takes no neighbour means; leave out --src-sample and --tgt-means")
