"""``--calibration``: P(parallel) in the output of commands that make pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from xret.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from xret.bitext.calibration import Calibration

__all__ = ["calibrated", "calibration_option", "open_calibration"]

Command = TypeVar("Command", bound=Callable[..., Any])


def calibration_option(command: Command) -> Command:
    """``--calibration FILE``."""
    return click.option(
        "--calibration",
        type=click.Path(),
        metavar="FILE",
        help="Add P(parallel) to each pair, by what 'xret tune -o FILE' found; JSONL, Parquet and TMX show it.",
    )(command)


def open_calibration(
    path: str,
    output: str,
    format: str | None,
    margin: str,
    *,
    cuts: bool = False,
) -> Calibration:
    """Read and check a calibration before any work is done.

    Args:
        path: the file.
        output: of the command.
        format: of the output; None where its name tells.
        margin: of the scores to come; ``ratio+tokens`` where they are scored again by tokens.
        cuts: whether the calibration also decides which pairs are kept, and so does something in any format.

    Raises:
        InputError: no such file, or no calibration.
        UsageError: nothing would come of it: the output is of a format without a column for P(parallel).
        MismatchError: it is of scores by another margin.
    """
    from xret.bitext import format_of
    from xret.bitext.calibration import Calibration
    from xret.errors import MismatchError

    written = format or format_of(Path(output))
    if written in ("tsv", "moses") and not cuts:
        said = f"--calibration: {written} has no column for P(parallel)"
        raise UsageError(f"{said}; write JSONL, Parquet or TMX instead of '{output}'")
    found = Calibration.load(path)
    if found.margin not in (None, margin):
        raise MismatchError(f"{path}: is of {found.margin} scores, --margin is {margin}; tune again, or mine alike")
    return found


def calibrated(pairs: pa.Table, calibration: Calibration | None) -> pa.Table:
    """The pairs with `probability: float32`; as they are without a calibration."""
    return pairs if calibration is None else calibration.with_probability(pairs)
