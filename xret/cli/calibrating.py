"""``--calibration``: P(parallel) in the output of commands that make pairs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from xret.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from xret.bitext.calibration import Calibration

__all__ = ["calibrated", "calibration_option", "check_columns", "open_calibration"]

logger = logging.getLogger("xret")
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
    columns: Collection[str] = (),
    mined: Mapping[str, object] | None = None,
) -> Calibration:
    """Read and check a calibration before any work is done; a warning says where it is of pairs mined otherwise.

    Args:
        path: the file.
        output: of the command.
        format: of the output; None where its name tells.
        margin: of the scores to come; ``ratio+tokens`` where they are scored again by tokens.
        cuts: whether the calibration also decides which pairs are kept, and so does something in any format.
        columns: numbers that the pairs will have; none where that is not known yet (see `check_columns`).
        mined: the encoder, k and so on of the pairs, by the names that a calibration keeps them under.

    Raises:
        InputError: no such file, or no calibration.
        UsageError: nothing would come of it: the output is of a format without a column for P(parallel).
        MismatchError: it is of scores by another margin, or reads a column that there will not be.
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
    if columns:
        check_columns(found, columns, path)
    _warn(found, path, margin, mined or {})
    return found


def check_columns(calibration: Calibration, columns: Collection[str], path: str) -> None:
    """Refuse, before hours of work, a map of columns that the pairs will not have.

    Raises:
        MismatchError: names the column.
    """
    from xret.errors import MismatchError

    told = ", ".join(name for name in columns if not name.startswith(("src_id", "tgt_id", "src_text", "tgt_text")))
    for name in calibration.probability.columns:
        if name not in columns:
            raise MismatchError(
                f"{path}: reads '{name}', which these pairs will not have; they have {told}: tune again"
            )


def _warn(calibration: Calibration, path: str, margin: str, mined: Mapping[str, object]) -> None:
    """Say in one line what a calibration was fitted on that differs from what it will be applied to."""
    fitted = calibration.fitted
    other = [f"{name} {fitted[name]}, not {value}" for name, value in mined.items() if fitted.get(name, value) != value]
    if calibration.margin is None:
        other.append(f"a margin that it does not tell, perhaps not {margin}")
    if other:
        logger.warning("%s: is of pairs mined with %s: P(parallel) may be wrong", path, "; ".join(other))


def calibrated(pairs: pa.Table, calibration: Calibration | None) -> pa.Table:
    """The pairs with `probability: float32`; as they are without a calibration."""
    return pairs if calibration is None else calibration.with_probability(pairs)
