"""Units at work: results found or made in a work folder, one failure leaving the others be."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from xret.errors import XretError
from xret.pipeline.hashes import value_hash
from xret.pipeline.source import Source, read_source
from xret.pipeline.store import StepStore
from xret.pipeline.suite.plan import Plan, Unit
from xret.stages.stage import Value

__all__ = ["Done", "Progress", "Work"]

log = logging.getLogger("xret")


@dataclass(frozen=True)
class Progress:
    """What became of one unit.

    Attributes:
        number, total: of the units wanted, from 1.
        what: system, benchmark and what was done.
        status: ``computed``, ``cached`` or ``failed``.
        seconds: that it took now.
        problem: why it failed.
    """

    number: int
    total: int
    what: str
    status: str
    seconds: float
    problem: str = ""

    def __str__(self) -> str:
        """One line for people."""
        tail = f": {self.problem}" if self.problem else ""
        return f"[{self.number}/{self.total}] {self.what}: {self.status}, {self.seconds:.1f} s{tail}"


@dataclass(frozen=True)
class Done:
    """A unit's result: its content hash, and the folder with its manifest."""

    hash: str
    folder: Path


@dataclass
class Work:
    """Runs units of a plan, or looks whether they are done.

    Attributes:
        done: unit -> its result.
        failed: unit -> why it failed, or what it needs did.
        computed: how many units were not found but made.
    """

    plan: Plan
    store: StepStore
    done: dict[str, Done] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    computed: int = 0
    _values: dict[str, Value] = field(default_factory=dict)
    _hashes: dict[str, str] = field(default_factory=dict)

    def value(self, name: str) -> Value:
        """The value of an input, or of a unit that is done."""
        return self._values[name]

    def hash(self, name: str) -> str:
        """Its content hash."""
        return self._hashes[name]

    def look(self, units: Iterable[str]) -> dict[str, bool]:
        """Unit -> whether its result is there; what depends on one that is not counts as not there either."""
        return {name: self._look(self.plan.units[name]) for name in units}

    def run(self, name: str) -> tuple[str, str]:
        """Find or make the result of a unit, after those that it needs.

        Returns:
            What became of it (``computed``, ``cached`` or ``failed``), and why where it failed.
        """
        if name not in self.done and name not in self.failed:
            unit = self.plan.units[name]
            problem = next((self.failed[source] for source in unit.sources if source in self.failed), "")
            if not problem:
                log.info("%s (%s)", unit.what, unit.id)
                return self._run(unit), self.failed.get(name, "")
            self.failed[name] = problem
        return ("failed", self.failed[name]) if name in self.failed else ("cached", "")

    def _run(self, unit: Unit) -> str:
        try:
            for source in unit.sources:
                self._read(source)
            sources = [(source, bool(source)) for source in unit.sources]
            value, report = self.store.run(unit.stage, sources, self._values, self._hashes, writes=unit.id)
        except Exception as error:  # whatever it is, the other units are not to be lost by it
            if not isinstance(error, XretError | OSError | MemoryError):
                log.exception("unit %s (%s)", unit.id, unit.what)
            shown = str(error) if isinstance(error, XretError) else f"{type(error).__name__}: {error}"
            self.failed[unit.id] = " ".join(shown.split())
            return "failed"
        assert report.folder is not None
        self._values[unit.id] = value
        self.done[unit.id] = Done(self._hashes[unit.id], report.folder)
        self.computed += report.status == "computed"
        return report.status

    def _look(self, unit: Unit) -> bool:
        if unit.id in self.done:
            return True
        try:
            for source in unit.sources:
                self._read(source)
            if any(source in self.plan.units and source not in self.done for source in unit.sources):
                return False
            found = self.store.find(unit.stage, [self._hashes[source] for source in unit.sources])
        except XretError:
            return False
        if found is None:
            return False
        self._values[unit.id], self._hashes[unit.id] = found[0], found[1]
        self.done[unit.id] = Done(found[1], found[2])
        return True

    def _read(self, source: str) -> None:
        """Have the value and hash of an input."""
        if source in self._hashes or source in self.plan.units:
            return
        if not source:
            self._hashes[source] = value_hash(None)
            return
        if source in self.plan.files:
            path, kind = self.plan.files[source]
            if kind == "passages":
                from xret.corpus.passage_queries import open_passage_queries

                self._values[source] = open_passage_queries(path)
            else:
                self._values[source] = read_source("run", Source(path=path, kind=kind))
        else:
            benchmark, _, name = source.rpartition("/")
            self._values[source] = self.plan.data[benchmark].inputs[name]
        self._hashes[source] = value_hash(self._values[source])
