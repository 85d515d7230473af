"""``--engine`` and ``--workers``: who does the work of a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from xret.cli.options import Command

if TYPE_CHECKING:
    from xret.engines import Engine

__all__ = ["chosen_engine", "engine_options"]


def engine_options(command: Command) -> Command:
    """``--engine local|ray`` and ``--workers N``."""
    engine = click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        help="Share the work out: local, over processes of this machine; ray, over the cluster at RAY_ADDRESS, or one "
        "on this machine. The result is the same.",
    )
    workers = click.option(
        "--workers",
        type=click.IntRange(min=1),
        metavar="N",
        help="How many share it; --threads is then for each. On CUDA they take the GPUs in turn.  [default: without "
        "--engine 1, with it as many as there is room for]",
    )
    return engine(workers(command))


@contextmanager
def chosen_engine(engine: str | None, workers: int | None) -> Iterator[Engine | None]:
    """The engine asked for, in use for what is within; None where none is.

    Raises:
        MissingExtraError: Ray is not installed.
    """
    if engine is None and workers in (None, 1):
        yield None
        return
    from xret.engines import make_engine, use_engine

    with use_engine(make_engine(engine or "local", workers)) as chosen:
        yield chosen
