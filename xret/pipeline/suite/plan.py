"""The plan of a suite: units of work, each a stage and where its inputs come from, and the cells they lead to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from xret.artifact import digest
from xret.errors import InputError, XretError
from xret.pipeline.suite.data import Data
from xret.pipeline.suite.scoring import ScoreRun
from xret.pipeline.suite.searches import Dense
from xret.pipeline.suite.system import System
from xret.stages.stage import Stage

__all__ = ["Cell", "Plan", "Unit"]


@dataclass(frozen=True)
class Unit:
    """One stage over inputs and other units' results.

    Attributes:
        id: hash of all that it is made of by name; equal work is one unit.
        stage: what runs.
        sources: ids of inputs and units; ``""`` is an absent input.
        what: a few words for people.
    """

    id: str
    stage: Stage
    sources: tuple[str, ...]
    what: str


@dataclass(frozen=True)
class Cell:
    """One system on one benchmark.

    Attributes:
        scores: the unit that scores it; None where there is none.
        run: the unit or input that its run comes from; None where vectors are scored.
        units: all that it needs, in an order in which they can run.
        skipped: why the system does not apply to the benchmark; empty where it does.
        problem: why it cannot be planned; empty where it can.
    """

    system: str
    benchmark: str
    scores: str | None = None
    run: str | None = None
    units: tuple[str, ...] = ()
    skipped: str = ""
    problem: str = ""

    @property
    def name(self) -> str:
        """``system/benchmark``, as `--only` has it."""
        return f"{self.system}/{self.benchmark}"


@dataclass
class Plan:
    """Units by id, in an order in which they can run, and the files that they read.

    Args:
        systems: of the suite, by name.
        data: loaded benchmarks, by name.
        k: documents per query, where neither system nor benchmark says.
        device, threads: for all stages that take them.
        unread: benchmarks that could not be loaded, and why.
        groups: as in `Suite`.
    """

    systems: Mapping[str, System]
    data: Mapping[str, Data]
    k: int
    device: str = "auto"
    threads: int | None = None
    unread: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    units: dict[str, Unit] = field(default_factory=dict)
    files: dict[str, tuple[Path, str]] = field(default_factory=dict)
    _runs: dict[tuple[str, str], str] = field(default_factory=dict)

    def cell(self, system: str, benchmark: str) -> Cell:
        """Plan one system on one benchmark; what is wrong with it stands in the cell."""
        if benchmark in self.unread:
            return Cell(system, benchmark, problem=self.unread[benchmark])
        chosen, data = self.systems[system], self.data[benchmark]
        names = {benchmark, *(name for name, parts in self.groups.items() if benchmark in parts.values())}
        skipped = _inapplicable(chosen, data, names)
        if skipped:
            return Cell(system, benchmark, skipped=skipped)
        try:
            run = None
            if data.sentences is not None and isinstance(chosen, Dense):
                scores = data.sentences.make(_Making(self, benchmark), chosen)
            else:
                run = self._run_of(system, benchmark)
                stage = ScoreRun(benchmark=data.retrieval, fairness=data.fairness, system=f"{system}/{benchmark}")
                scores = _Making(self, benchmark).add(stage, run, what="score")
        except XretError as error:
            return Cell(system, benchmark, problem=str(error))
        return Cell(system, benchmark, scores, run, tuple(self.needs(scores)))

    def needs(self, unit: str) -> list[str]:
        """The ids of the units that lead to one, itself included and last."""
        wanted, ways = set(), [unit]
        while ways:
            each = ways.pop()
            if each in self.units and each not in wanted:
                wanted.add(each)
                ways.extend(self.units[each].sources)
        return [each for each in self.units if each in wanted]

    def _run_of(self, system: str, benchmark: str) -> str:
        key = system, benchmark
        if key not in self._runs:
            self._runs[key] = self.systems[system].make(_Making(self, benchmark))
        return self._runs[key]

    def _placed(self, stage: Stage) -> Stage:
        """The stage on this machine's device."""
        known = {each.name for each in fields(stage)}
        here: dict[str, Any] = {"device": self.device, "threads": self.threads}
        return replace(stage, **{name: value for name, value in here.items() if name in known and value is not None})


@dataclass(frozen=True)
class _Making:
    """See `xret.pipeline.suite.system.Making`."""

    plan: Plan
    benchmark: str

    @property
    def k(self) -> int:
        return self.plan.data[self.benchmark].k or self.plan.k

    def input(self, name: str, benchmark: str | None = None) -> str:
        owner = benchmark or self.benchmark
        if owner in self.plan.unread:
            raise InputError(self.plan.unread[owner])
        if name not in self.plan.data[owner].inputs:
            raise InputError(f"benchmark '{owner}' has no {name}, which this system needs")
        return f"{owner}/{name}"

    def file(self, path: Path, kind: str) -> str:
        name = f"{kind}:{path}"
        self.plan.files[name] = path, kind
        return name

    def add(self, stage: Stage, *sources: str, what: str) -> str:
        stage = self.plan._placed(stage)
        name = digest(stage.key(), sources)[:12]
        if name not in self.plan.units:
            self.plan.units[name] = Unit(name, stage, sources, what)
        return name

    def run_of(self, system: str, benchmark: str | None = None) -> str:
        return self.plan._run_of(system, benchmark or self.benchmark)

    def encoder_of(self, system: str) -> str | None:
        seen = self.plan.systems[system]
        if seen.asked is not None:
            return seen.asked
        found = {self.encoder_of(each) for each in seen.parents} - {None}
        return found.pop() if len(found) == 1 else None


def _inapplicable(system: System, data: Data, names: set[str]) -> str:
    """Why a system does not apply to a benchmark that goes by these names; empty where it does."""
    if system.on is not None and not names & set(system.on):
        return f"is for {', '.join(system.on)}"
    runs = getattr(system, "runs", None)
    if runs is not None and data.name not in runs:
        return "has no run of it"
    if data.sentences is not None and not isinstance(system, Dense):
        return "needs vectors of sentences, which only systems of kind dense have"
    return ""
