"""From the plain values of a TOML file to the typed options of a stage."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

from xret.errors import UsageError
from xret.stages import stage_class
from xret.stages.stage import Stage
from xret.suggest import did_you_mean

__all__ = ["make_record", "make_stage"]

T = TypeVar("T")
NOT_ABSENT = "not absent"  # what None says of any value: TOML has no None, so leaving the option out is the way


def make_stage(name: str, options: Mapping[str, Any]) -> Stage:
    """The stage called `name` with these options.

    Raises:
        UsageError: unknown stage or option (with the nearest known name), missing option, or a value of the wrong type.
    """
    return make_record(stage_class(name), options, f"stage '{name}'")


def make_record(cls: type[T], options: Mapping[str, Any], what: str) -> T:
    """A dataclass filled from plain values.

    Args:
        cls: a dataclass all of whose fields can be given by name.
        options: field -> value.
        what: what this is called in messages.

    Raises:
        UsageError: an unknown option (with the nearest known name), one that is missing, or a value of the wrong type.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(cls)
    typed = {}
    for option, value in options.items():
        if option not in fields:
            raise UsageError(f"{what} has no option '{option}'; {did_you_mean(option, fields)}")
        try:
            typed[option] = _typed(value, hints[option])
        except ValueError as error:
            raise UsageError(f"{what}, option '{option}': {error}") from error
    for field in fields.values():
        unset = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if unset and field.name not in typed:
            raise UsageError(f"{what} needs the option '{field.name}'")
    return cls(**typed)


def _typed(value: Any, hint: Any) -> Any:
    """`value` as `hint` wants it (lists to tuples, whole numbers to floats, strings to paths), or ValueError."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin is Literal:
        if value in arguments:
            return value
        raise ValueError(f"{value!r} is not among its values; {did_you_mean(str(value), map(str, arguments))}")
    if origin in (Union, types.UnionType):
        return _one_of(value, arguments)
    if origin in (tuple, list):
        return _sequence(value, arguments[0] if arguments else Any, origin)
    if origin is not None:  # mappings and the like: the stage itself must look
        return value
    return _plain(value, hint)


def _one_of(value: Any, hints: tuple[Any, ...]) -> Any:
    problems = []
    for hint in hints:
        try:
            return _typed(value, hint)
        except ValueError as error:
            problems.append(str(error))
    raise ValueError(" or ".join(problem for problem in dict.fromkeys(problems) if problem != NOT_ABSENT))


def _sequence(value: Any, hint: Any, kind: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise ValueError(f"found {value!r}, wanted a list")
    return kind(_typed(each, hint) for each in value)


def _plain(value: Any, hint: Any) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint is types.NoneType or not isinstance(hint, type):
        raise ValueError(NOT_ABSENT)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        wanted = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}
        raise ValueError(f"found {value!r}, wanted {wanted.get(hint.__name__, hint.__name__)}")
    return value
