"""No command replaces what it reads."""

from __future__ import annotations

from pathlib import Path

from xret.errors import InputError, UsageError

__all__ = ["refuse_overwriting", "refuse_stdout", "same_file"]


def same_file(one: str, other: str) -> bool:
    """Whether two names are of one thing: spelled alike, or both there and the same."""
    return one == other or (Path(one).exists() and Path(other).exists() and Path(one).samefile(other))


def refuse_overwriting(output: str | None, *inputs: str | None, option: str = "-o") -> None:
    """Refuse, before anything is read, an output that is one of the inputs, or has no folder.

    Devices and pipes are let pass.

    Args:
        output: file to write; None and ``-`` are stdout.
        inputs: files to read; None for those not given.
        option: that names the output.

    Raises:
        UsageError: names the file.
        InputError: the output's folder is not there.
    """
    if output in (None, "-") or (Path(output).exists() and not Path(output).is_file()):
        return
    for name in inputs:
        if name is not None and same_file(name, output):
            raise UsageError(f"{option} {output}: would overwrite '{name}', which is to be read; give another name")
    if not (folder := Path(output).parent).is_dir():
        raise InputError(f"{output}: no folder '{folder}'; make it first, or choose another place")


def refuse_stdout(output: Path) -> None:
    """Refuse ``-`` where a folder is made.

    Raises:
        UsageError: it is ``-``.
    """
    if str(output) == "-":
        raise UsageError("-o -: is made as a folder, which stdout cannot take; give it a name")
