"""Options that several commands share, so that they are spelled and explained once."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = [
    "Command",
    "checked_lang",
    "device_option",
    "encoder_option",
    "json_option",
    "on_error_option",
    "run_output_option",
    "threads_option",
    "verbose_option",
]

Command = TypeVar("Command", bound=Callable[..., Any])


def _set_verbosity(_: click.Context, __: click.Parameter, count: int) -> None:
    if count:
        logging.getLogger("xret").setLevel(logging.INFO if count == 1 else logging.DEBUG)


def checked_lang(_: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Callback of options that name a language: its canonical BCP 47 tag.

    Raises:
        UsageError: it is no language code.
    """
    if value is None:
        return None
    from xret.corpus import check_lang
    from xret.errors import InputError, UsageError

    try:
        return check_lang(value)
    except InputError as error:
        raise UsageError(f"{param.opts[0]}: {error}") from error


def verbose_option(command: Command) -> Command:
    """``-v``: say on stderr what was decided (logger ``xret``, level INFO); ``-vv`` for DEBUG."""
    return click.option(
        "-v",
        "--verbose",
        count=True,
        expose_value=False,
        callback=_set_verbosity,
        help="Say what is decided on the way.",
    )(command)


def encoder_option(command: Command) -> Command:
    """``--encoder E``."""
    return click.option(
        "--encoder",
        default="xret-mini",
        show_default=True,
        metavar="E",
        help="xret-mini, a model folder, package:NAME/FOLDER, or a hub id on disk.",
    )(command)


def _checked_device(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,4})?", value):
        raise click.BadParameter(f"{value!r} is not one of 'auto', 'cpu', 'cuda', 'cuda:N'.")
    return value


def device_option(command: Command) -> Command:
    """``--device auto|cpu|cuda|cuda:N``."""
    return click.option(
        "--device",
        callback=_checked_device,
        default="auto",
        show_default=True,
        metavar="auto|cpu|cuda|cuda:N",
        help="Where to compute.",
    )(command)


def threads_option(command: Command) -> Command:
    """``--threads N``."""
    return click.option(
        "--threads",
        type=click.IntRange(min=1),
        default=None,
        metavar="N",
        help="CPU threads, at most 4 a core.  [default: all cores]",
    )(command)


def json_option(command: Command) -> Command:
    """``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(command)


def on_error_option(command: Command) -> Command:
    """``--on-error fail|skip``."""
    return click.option(
        "--on-error",
        type=click.Choice(["fail", "skip"]),
        default="fail",
        show_default=True,
        help="Malformed lines: stop at the first, or skip, count and report them.",
    )(command)


def run_output_option(command: Command) -> Command:
    """``-o OUT`` of commands that make a run."""
    return click.option(
        "-o",
        "--output",
        required=True,
        metavar="OUT",
        help="A .trec, .jsonl or .parquet file (also .gz), or - for stdout.",
    )(command)
