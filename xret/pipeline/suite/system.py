"""What all systems of a suite have, and what they see of the plan that they are put into."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

from xret.errors import UsageError
from xret.stages.stage import Stage

__all__ = ["Making", "System"]


class Making(Protocol):
    """What a system sees of the plan that it is put into: a benchmark, its inputs, and units to add."""

    @property
    def benchmark(self) -> str:
        """The benchmark's name."""

    @property
    def k(self) -> int:
        """Documents per query, where the system does not say."""

    def input(self, name: str, benchmark: str | None = None) -> str:
        """The id of `corpus`, `queries` or `qrels` of this benchmark, or of another."""

    def file(self, path: Path, kind: str) -> str:
        """The id of a file to read: a run, or queries for expansion."""

    def add(self, stage: Stage, *sources: str, what: str) -> str:
        """The id of a unit; `what` says in a few words what it does. A source ``""`` is an absent one."""

    def run_of(self, system: str, benchmark: str | None = None) -> str:
        """The id of the unit with another system's run, on this benchmark or another."""

    def encoder_of(self, system: str) -> str | None:
        """The encoder that another system goes back to, where there is just one."""


@dataclass(frozen=True, kw_only=True)
class System(ABC):
    """What all kinds have.

    Attributes:
        name: in results; also how other systems name it.
        on: the benchmarks that it is for; None: all.
    """

    kind: ClassVar[str]
    name: str
    on: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Let the stages refuse what they cannot do, before anything runs."""
        self.check()

    def check(self) -> None:  # noqa: B027 (some have nothing to check)
        """Make the stages once.

        Raises:
            UsageError: an option that is out of range.
        """

    @property
    def parents(self) -> tuple[str, ...]:
        """Systems whose runs it takes."""
        return ()

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """Other benchmarks that it needs."""
        return ()

    @abstractmethod
    def make(self, making: Making) -> str:
        """Add what makes its run; gives the id of the unit that the run comes from."""

    @property
    def asked(self) -> str | None:
        """The encoder that it names, where its kind has one."""
        return getattr(self, "encoder", None) if "encoder" in {each.name for each in fields(self)} else None

    def located(self, folder: Path) -> Self:
        """The same with paths from the folder of the suite file.

        Raises:
            UsageError: a file that is not there.
        """
        return self

    def _there(self, folder: Path, option: str, path: str) -> str:
        """A path from that folder, which must lead somewhere."""
        found = folder / path
        if not found.is_file():
            raise UsageError(f"system '{self.name}', option '{option}': {found}: no such file")
        return str(found)

    def _options(self, *names: str) -> dict[str, Any]:
        return {name: getattr(self, name) for name in names}
