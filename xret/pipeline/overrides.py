"""``--set``: single values of a pipeline file replaced from the command line."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xret.errors import UsageError
from xret.stages import stage_class
from xret.suggest import did_you_mean

__all__ = ["Override", "Replacement", "override", "parse_override"]


class Override(UsageError):
    """An override that fits nothing: the mistake is on the command line, not in the file."""


@dataclass(frozen=True)
class Replacement:
    """One ``[scope.]key=value``."""

    scope: str  # "" for every stage, "inputs", "outputs", or a stage's name
    key: str
    value: Any


def parse_override(text: str) -> Replacement:
    """Read ``key=value`` or ``scope.key=value``; the value is TOML where it parses, else text.

    Raises:
        UsageError: no ``=``, or an empty key.
    """
    name, found, raw = text.partition("=")
    scope, _, key = name.strip().rpartition(".")
    if not found or not key:
        raise UsageError(f"--set {text}: wanted key=value, stage.key=value, inputs.name=path or outputs.name=path")
    try:
        value = tomllib.loads(f"value = {raw}")["value"]
    except tomllib.TOMLDecodeError:
        value = raw
    return Replacement(scope, key, value)


def override(change: Replacement, fields: dict[str, Any]) -> None:
    """Apply a replacement to the tables of a pipeline file.

    Raises:
        Override: no such stage, option, input or output.
    """
    if change.scope in ("inputs", "outputs"):
        _override_path(change, fields.setdefault(change.scope, {}))
        return
    stages = [each for each in fields["stage"] if change.scope in ("", each.get("use"), each.get("write"))]
    if not stages:
        known = [str(each.get(key)) for each in fields["stage"] for key in ("use", "write") if key in each]
        raise Override(f"--set {change.scope}.{change.key}: no such stage here; {did_you_mean(change.scope, known)}")
    options = {option for each in stages for option in _options(each)}
    fitting = [each for each in stages if change.key in _options(each)]
    if not fitting:
        raise Override(f"--set {change.key}: no stage has this option; {did_you_mean(change.key, sorted(options))}")
    for each in fitting:
        each[change.key] = change.value


def _override_path(change: Replacement, section: dict[str, Any]) -> None:
    path = str(Path(str(change.value)).absolute())  # typed on the command line, so meant from the current folder
    if change.scope == "inputs" and change.key not in section:
        raise Override(f"--set inputs.{change.key}: no such input; {did_you_mean(change.key, section)}")
    if isinstance(section.get(change.key), dict):
        section[change.key]["path"] = path
    else:
        section[change.key] = path


def _options(stage: dict[str, Any]) -> list[str]:
    use = stage.get("use")
    return [field.name for field in dataclasses.fields(stage_class(use))] if isinstance(use, str) else []
