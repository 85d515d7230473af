"""What commands that follow a protocol share: print its definition, say which it was, write the scored row."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.options import Command

if TYPE_CHECKING:
    from xret.eval.protocols import Protocol, Scored

__all__ = ["SAVE_HELP", "about", "check_save", "protocol_option", "save_option", "save_row"]


def protocol_option(*names: str) -> Callable[[Command], Command]:
    """``--protocol``: print the definitions of the protocols `names`, and do nothing else."""

    def show(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
        if not wanted or ctx.resilient_parsing:
            return
        from xret.eval.protocols import protocol

        click.echo("\n\n".join(protocol(name).definition() for name in names))
        ctx.exit()

    return click.option(
        "--protocol",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=show,
        help=f"Print what is measured, and how ({', '.join(names)}), and exit.",
    )


SAVE_HELP = "Write the numbers with protocol, hashes of the data and versions, for 'xret eval protocols compare'."


def save_option(command: Command) -> Command:
    """``-o/--save ROW.json``."""
    return click.option("-o", "--save", metavar="ROW.json", help=SAVE_HELP)(command)


def check_save(save: str | None, *inputs: str | None) -> None:
    """Before anything is read or encoded: refuse a place for the row that is an input, or cannot be.

    Raises:
        UsageError: stdout, or one of the inputs.
        InputError: its folder is not there.
    """
    from xret.cli.overwrite import refuse_overwriting
    from xret.errors import UsageError

    if save == "-":
        raise UsageError("--save -: a row goes into a file; give it a name, or print the numbers with --json")
    refuse_overwriting(save, *inputs, option="--save")


def save_row(save: str | None, row: Callable[[], Scored]) -> None:
    """Make and write the row, where one is wanted."""
    if save:
        from xret.eval.protocols import write_scored

        write_scored(row(), Path(save))
        logging.getLogger("xret").info("wrote %s", save)


def about(protocol: Protocol) -> dict[str, Any]:
    """What ``--json`` says of the protocol."""
    return {"name": protocol.name, "identity": protocol.identity, "settings": dict(protocol.options)}
