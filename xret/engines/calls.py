"""The far side of a call: a function found by its name, its state made once, errors turned into plain JSON."""

from __future__ import annotations

import importlib
import logging
import os
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import xret.errors
from xret import __version__
from xret.engines.ledger import EngineError
from xret.engines.units import Probe, seal
from xret.errors import InputError, MismatchError, XretError

__all__ = ["Bench", "Job", "Place", "raised", "reference", "report"]

logger = logging.getLogger("xret")
OF_DATA = (ValueError, TypeError, LookupError, ArithmeticError, AssertionError, AttributeError, ImportError, NameError)


@dataclass(frozen=True)
class Job:
    """What every worker of a job is told; all of it plain JSON.

    Attributes:
        function: ``module:name`` of what does a unit: ``fn(item, place) -> manifest``.
        state: ``module:name`` of what makes the state: ``make(recipe, cpus)``; None without one.
        recipe: its argument.
        cpus: threads a worker may use.
        level: of the log lines to send back.
        folder: from which relative names count.
        probe: a file that workers must find, and what it holds (see `xret.engines.units.Probe`); None without one.
        version: of xret, which must be one everywhere.
    """

    function: str
    state: str | None
    recipe: Mapping[str, Any]
    cpus: int
    level: int
    folder: str
    probe: Mapping[str, str] | None = None
    version: str = __version__

    def fields(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)


@dataclass(frozen=True)
class Place:
    """Where a unit runs, as its function sees it.

    Attributes:
        state: made once per worker; None without one.
        cpus: threads it may use.
        advance: to be told how much of the item's `size` is done, now and then.
    """

    state: Any
    cpus: int
    advance: Callable[[int], object]


class Bench:
    """A worker's own: the function, and its state."""

    def __init__(self, job: Job) -> None:
        """Make the state.

        Raises:
            MismatchError: another version of xret sent the job.
            InputError: the files of the job are not on this machine.
            XretError: what the state's maker raises.
        """
        if job.version != __version__:
            raise MismatchError(f"xret {__version__} is installed here, {job.version} began this; install one of them")
        with suppress(OSError):  # a machine of a cluster that has no such folder
            os.chdir(job.folder)
        if job.probe is not None:
            Probe(**job.probe).find()
        self._function, self._cpus = resolved(job.function), job.cpus
        self._state = None if job.state is None else resolved(job.state)(job.recipe, job.cpus)

    def run(self, item: Mapping[str, Any], advance: Callable[[int], object]) -> dict[str, Any]:
        """Do a unit, and write its manifest where the item names one."""
        result = dict(self._function(item, Place(self._state, self._cpus, advance)))
        if "manifest" in item:
            seal(Path(item["manifest"]), item["recipe"], result)
        return result


def reference(function: Callable[..., Any]) -> str:
    """``module:name`` of a function at the top of a module that any process can import.

    Raises:
        ValueError: it is none.
    """
    name = f"{function.__module__}:{function.__qualname__}"
    found = getattr(importlib.import_module(function.__module__), function.__qualname__, None)
    if function.__module__ == "__main__" or found is not function:
        raise ValueError(f"{name}: an engine calls functions at the top of a module, which workers import")
    return name


def resolved(name: str) -> Callable[..., Any]:
    """The function that a reference names."""
    module, _, attribute = name.partition(":")
    found = getattr(importlib.import_module(module), attribute, None)
    if not callable(found):
        raise ValueError(f"{name}: no such function")
    return found  # type: ignore[no-any-return]


def report(error: BaseException) -> dict[str, Any]:
    """An error as JSON.

    Returns:
        ``kind``: its class, empty where it is none of ours; ``message``: one line; ``again``: whether it may pass: what
        the machine does (files, memory, devices), and not what Python says of data, which it would say again.
    """
    if isinstance(error, XretError):
        return {"kind": type(error).__name__, "message": str(error), "again": False}
    told = f"{type(error).__name__}: {error}".partition("\n")[0]
    if isinstance(error, MemoryError):
        told = "ran out of memory"
    elif isinstance(error, OSError):
        told = f"{error.filename}: " * bool(error.filename) + str(error.strerror or error)
    else:
        logger.debug("%s", "".join(traceback.format_exception(error)))
    return {"kind": "", "message": told, "again": not isinstance(error, OF_DATA)}


def raised(error: Mapping[str, Any]) -> XretError:
    """The error that a worker told of, of the same class where that is one of ours."""
    kind = EngineError if error["kind"] == EngineError.__name__ else getattr(xret.errors, error["kind"] or "-", None)
    return (
        kind(error["message"])
        if isinstance(kind, type)
        else InputError(f"a worker could not start: {error['message']}")
    )
