"""A suite from its file to results."""

from __future__ import annotations

import fnmatch
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from xret.artifact import MANIFEST
from xret.errors import InputError, UsageError, XretError
from xret.eval.protocols.scored import Scored
from xret.pipeline.store import StepStore
from xret.pipeline.suite.data import Data, read_data
from xret.pipeline.suite.file import Suite
from xret.pipeline.suite.groups import with_groups
from xret.pipeline.suite.plan import Cell, Plan
from xret.pipeline.suite.results import Missing, SuiteResults
from xret.pipeline.suite.scoring import kept_row
from xret.pipeline.suite.work import Progress, Work
from xret.suggest import did_you_mean

__all__ = ["Planned", "SuiteRun", "open_suite"]

log = logging.getLogger("xret")


@dataclass(frozen=True)
class Planned:
    """A unit in the plan: for which cell it is first wanted, what it does, and whether its result is there."""

    cell: str
    what: str
    stage: str
    cached: bool


@dataclass(frozen=True)
class SuiteRun:
    """A suite with its data, ready to run.

    Attributes:
        suite: what its file says.
        cells: all systems on all benchmarks.
        wanted: names of the cells asked for.
        work: finds and makes results.
    """

    suite: Suite
    cells: Sequence[Cell]
    wanted: frozenset[str]
    work: Work

    def plan(self) -> list[Planned]:
        """The units that the wanted cells need, each once."""
        found: dict[str, Planned] = {}
        for cell in self._wanted():
            for name, cached in self.work.look([each for each in cell.units if each not in found]).items():
                unit = self.work.plan.units[name]
                found[name] = Planned(cell.name, unit.what, unit.stage.name, cached)
        return list(found.values())

    def run(self, on_unit: Callable[[Progress], None] | None = None) -> SuiteResults:
        """Do what is not done yet, and gather the results.

        What was not asked for is among them if it is done already, of the benchmarks that were read.

        Args:
            on_unit: called after each unit.
        """
        wanted = {name: cell.name for cell in reversed(list(self._wanted())) for name in cell.units}
        order = list(dict.fromkeys(name for cell in self._wanted() for name in cell.units))
        for number, name in enumerate(order, start=1):
            start = time.perf_counter()
            status, problem = self.work.run(name)
            if on_unit:
                what = f"{wanted[name]}: {self.work.plan.units[name].what}"
                on_unit(Progress(number, len(order), what, status, time.perf_counter() - start, problem))
        for cell in self.cells:
            if cell.name not in self.wanted:
                self.work.look(cell.units)
        return self._results()

    def _wanted(self) -> Iterator[Cell]:
        return (cell for cell in self.cells if cell.name in self.wanted)

    def _results(self) -> SuiteResults:
        done = [cell for cell in self.cells if cell.scores in self.work.done]
        skipped = [Missing(cell.system, cell.benchmark, cell.skipped) for cell in self._wanted() if cell.skipped]
        failed = []
        for cell in self._wanted():
            problem = cell.problem or (self.work.failed.get(cell.scores, "") if cell.scores else "")
            if problem:
                failed.append(Missing(cell.system, cell.benchmark, problem))
        return SuiteResults(
            title=self.suite.title or self.suite.path.stem,
            rows=with_groups([(cell, self._row(cell)) for cell in done], self.suite.groups),
            skipped=skipped,
            failed=failed,
            steps=list(self._steps(done)),
        )

    def _row(self, cell: Cell) -> Scored:
        """The row of a cell, with the hashes of all that it was made with, and the versions it was scored by."""
        assert cell.scores is not None
        table = self.work.value(cell.scores)
        assert isinstance(table, pa.Table)
        row, models, units = kept_row(table), dict[str, str](), self.work.plan.units
        for name in cell.units:
            models.update(_models(units[name].stage))
        hashes = {"model" if len(models) == 1 else f"model {name}": each for name, each in models.items()}
        indexes = sorted(self.work.hash(name) for name in cell.units if units[name].stage.name == "index")
        hashes |= {"index" if len(indexes) == 1 else f"index {n}": each for n, each in enumerate(indexes, start=1)}
        if cell.run is not None:
            hashes["run"] = self.work.hash(cell.run)
        made = _manifest(self.work.done[cell.scores].folder).get("made", {})
        versions = {name: str(value) for part in ("versions", "hardware") for name, value in made.get(part, {}).items()}
        hashes = {**row.hashes, **dict(sorted(hashes.items()))}
        return replace(row, system=cell.system, hashes=hashes, versions=versions)

    def _steps(self, done: Iterable[Cell]) -> Iterator[dict[str, Any]]:
        used: dict[str, list[str]] = {}
        for cell in done:
            for name in cell.units:
                used.setdefault(name, []).append(cell.name)
        for name, cells in used.items():
            unit, result = self.work.plan.units[name], self.work.done[name]
            kept = _manifest(result.folder)
            told = {key: kept.get(key) for key in ("options", "inputs", "rows", "seconds")}
            yield {
                "unit": name, "stage": unit.stage.name, "what": unit.what, "for": cells, **told, "hash": result.hash,
                "folder": result.folder.name, **kept.get("made", {}),
            }  # fmt: skip


def open_suite(
    suite: Suite,
    *,
    work: Path | None = None,
    only: Sequence[str] = (),
    resume: bool = True,
    device: str = "auto",
    threads: int | None = None,
) -> SuiteRun:
    """Read the data of a suite and plan what is asked for.

    Args:
        suite: from `read_suite`.
        work: folder that keeps the result of every unit; None: beside the file.
        only: ``SYSTEM/BENCHMARK``, ``SYSTEM`` or ``*/BENCHMARK``, with wildcards; nothing: everything.
        resume: use results that are there.
        device: for encoders.
        threads: CPU threads; None for all cores.

    Raises:
        UsageError: `only` fits nothing.
        InputError: the work folder cannot be made.
    """
    names = [(system, benchmark) for system in suite.systems for benchmark in suite.benchmarks]
    wanted = _chosen(names, only, suite)
    store = StepStore(suite.work if work is None else work, resume=resume)
    try:
        store.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{store.folder}: cannot be made ({error.strerror}); give another folder to work in"
        ) from error
    needed = {name.partition("/")[2] for name in wanted}
    needed |= {each for name in wanted for each in _elsewhere(suite, name.partition("/")[0])}
    data, unread = _read(suite, [name for name in suite.benchmarks if name in needed], store.folder / "inputs")
    plan = Plan(suite.systems, data, suite.k, device, threads, unread=unread, groups=suite.groups)
    cells = [plan.cell(*name) for name in names if name[1] in needed]
    return SuiteRun(suite, cells, frozenset(wanted), Work(plan, store))


def _chosen(names: Sequence[tuple[str, str]], only: Sequence[str], suite: Suite) -> list[str]:
    found = ["/".join(name) for name in names]
    if not only:
        return found
    chosen = set()
    for pattern in only:
        system, _, benchmark = pattern.partition("/")
        fitting = [
            "/".join(name)
            for name in names
            if fnmatch.fnmatchcase(name[0], system or "*") and fnmatch.fnmatchcase(name[1], benchmark or "*")
        ]
        if not fitting:
            known = suite.systems if not any(fnmatch.fnmatchcase(each, system or "*") for each in suite.systems) else ()
            near = did_you_mean(system, known) if known else did_you_mean(benchmark, suite.benchmarks)
            raise UsageError(f"--only {pattern}: no such {'system' if known else 'benchmark'} in the suite; {near}")
        chosen.update(fitting)
    return [name for name in found if name in chosen]


def _elsewhere(suite: Suite, system: str) -> set[str]:
    """Benchmarks that a system, or one that it is made of, is fitted on."""
    chosen = suite.systems[system]
    return set(chosen.elsewhere).union(*(_elsewhere(suite, each) for each in chosen.parents))


def _read(suite: Suite, names: Sequence[str], cache: Path) -> tuple[dict[str, Data], dict[str, str]]:
    data, unread = {}, {}
    for name in names:
        log.info("reading benchmark %s", name)
        try:
            data[name] = read_data(suite.benchmarks[name], cache=cache)
        except XretError as error:
            unread[name] = str(error)
    return data, unread


def _models(stage: Any) -> dict[str, str]:
    """Name of a model -> its content hash, of a stage that uses one."""
    if stage.name == "encode" or (stage.name == "index" and stage.kind == "multivector"):
        return {stage.encoder: stage.contents()[0]}
    if stage.name == "rerank":
        method, found = stage.contents()
        return {stage.model if method == "cross" else stage.encoder: found}
    return {}


def _manifest(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
