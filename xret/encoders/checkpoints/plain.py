"""Frozen dataclasses back from the plain values that `dataclasses.asdict` and JSON make of them."""

from __future__ import annotations

import types
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

__all__ = ["from_plain"]

Kind = TypeVar("Kind")


def from_plain(kind: type[Kind], value: Any) -> Kind:
    """A dataclass from plain values.

    Lists become tuples, dicts the dataclass whose fields they have; nothing is converted otherwise.

    Args:
        kind: the dataclass.
        value: field name -> value. Fields that have a default may be missing.

    Raises:
        ValueError: a field is missing, unknown, or of another type; names it.
    """
    found: Kind = _made(kind, value, kind.__name__)
    return found


def _made(kind: Any, value: Any, where: str) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin in (Union, types.UnionType):
        return _one_of(inner, value, where)
    if origin is Literal:
        return value if value in inner else _refuse(where, value, " or ".join(map(repr, inner)))
    if origin is tuple:
        return _tuple(inner, value, where)
    if is_dataclass(kind):
        return _dataclass(kind, value, where)
    if kind is float and type(value) is int:
        return float(value)
    return value if type(value) is kind else _refuse(where, value, getattr(kind, "__name__", str(kind)))


def _refuse(where: str, value: Any, wanted: str) -> Any:
    raise ValueError(f"{where} is {value!r:.80}, wanted {wanted}")


def _one_of(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    """The first of several types that fits."""
    errors = []
    for kind in kinds:
        try:
            return _made(kind, value, where)
        except ValueError as error:
            errors.append(str(error))
    raise ValueError(errors[0])


def _tuple(inner: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        _refuse(where, value, "a list")
    if inner[-1] is Ellipsis:
        return tuple(_made(inner[0], item, f"{where}[{place}]") for place, item in enumerate(value))
    if len(inner) != len(value):
        _refuse(where, value, f"{len(inner)} values")
    return tuple(_made(kind, item, where) for kind, item in zip(inner, value, strict=True))


def _dataclass(kind: Any, value: Any, where: str) -> Any:
    if isinstance(value, kind):
        return value
    if not isinstance(value, dict):
        _refuse(where, value, f"the fields of {kind.__name__}")
    hints, known = get_type_hints(kind), {field.name: field for field in fields(kind)}
    if unknown := sorted(set(value) - set(known)):
        raise ValueError(f"{where} has the unknown field '{unknown[0]}'")
    missing = [
        name
        for name, field in known.items()
        if name not in value and field.default is MISSING and field.default_factory is MISSING
    ]
    if missing:
        raise ValueError(f"{where} has no field '{missing[0]}'")
    return kind(**{name: _made(hints[name], item, f"{where}.{name}") for name, item in value.items()})
