"""What systems say of one another and of benchmarks: names that must be there, and no circles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from xret.errors import UsageError
from xret.pipeline.suite.derived import Given
from xret.pipeline.suite.system import System
from xret.suggest import did_you_mean

__all__ = ["check_system"]


def check_system(system: System, systems: Mapping[str, System], benchmarks: Iterable[str]) -> None:
    """Refuse a system that names what is not there, or that in the end needs its own run.

    Raises:
        UsageError: names the system and what it names.
    """
    known = list(benchmarks)
    for name in system.parents:
        if name not in systems:
            raise UsageError(
                f"system '{system.name}' is made of '{name}', which is no system; {did_you_mean(name, systems)}"
            )
    runs = system.runs if isinstance(system, Given) else ()
    for name in (*(system.on or ()), *system.elsewhere, *runs):
        if name not in known:
            raise UsageError(
                f"system '{system.name}' names '{name}', which is no benchmark; {did_you_mean(name, known)}"
            )
    circle = _circle(system.name, systems)
    if circle:
        raise UsageError(f"systems go in a circle: {' of '.join(circle)}; one of them must search by itself")


def _circle(start: str, systems: Mapping[str, System]) -> list[str]:
    """The way from a system over its parents back to it; empty where there is none."""
    ways = [[start]]
    seen = set()
    while ways:
        way = ways.pop()
        for parent in systems[way[-1]].parents if way[-1] in systems else ():
            if parent == start:
                return [*way, start]
            if parent not in seen:
                seen.add(parent)
                ways.append([*way, parent])
    return []
