"""The door: a function mapped over items by whatever engine there is."""

from __future__ import annotations

import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from xret.artifact import digest
from xret.engines.calls import Job, Place, reference
from xret.engines.ledger import Ledger
from xret.engines.units import Probe, kept

__all__ = ["Engine", "State"]

Item = Mapping[str, Any]
Unit = Callable[[Item, Place], Mapping[str, Any]]
logger = logging.getLogger("xret")


@dataclass(frozen=True)
class State:
    """What each worker makes once and keeps, such as an ONNX session.

    Attributes:
        make: ``make(recipe, cpus)``, a function at the top of a module.
        recipe: its argument, plain JSON.
    """

    make: Callable[[Mapping[str, Any], int], Any]
    recipe: Mapping[str, Any] = field(default_factory=dict)


def _nobody(count: int) -> None:
    """Told of progress that nobody watches."""


class Engine(ABC):
    """Spreads units of work over workers.

    Attributes:
        name: what it is called.
        retries: how often a unit is tried again whose worker died, or that met an error that may pass.
        executed: units done by this engine so far; those found done are not among them.
    """

    name: ClassVar[str]
    retries: int = 3
    executed: int = 0

    @abstractmethod
    def start(self, ledger: Ledger, job: Job, *, gpus: float, advance: Callable[[int], object]) -> Iterator[Any]:
        """Do the units of a ledger; yields (number, result) of those done, and settles them in the ledger."""

    @abstractmethod
    def share(self, cpus: int | None, units: int) -> int:
        """Threads of each worker where that many were asked for; None: a fair share, for so many units."""

    def close(self) -> None:  # noqa: B027  # most have nothing to end
        """End the workers; an engine may be used again."""

    def map(
        self,
        fn: Unit,
        items: Sequence[Item],
        *,
        cpus: int | None = None,
        gpus: float = 0,
        state: State | None = None,
        advance: Callable[[int], object] = _nobody,
        probe: Probe | None = None,
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Call a function for every item.

        Args:
            fn: ``fn(item, place)``, at the top of a module, to files and a small manifest; called again where a worker
                dies, so it must write as `atomic_file` does.
            items: plain JSON, each with its name as `unit` and perhaps its `size`, in what `advance` counts.
            cpus: threads of each worker; None: the engine's choice.
            gpus: GPUs of each worker.
            state: what a worker makes once, for ``place.state``.
            advance: called with how much has been done.
            probe: a file that every worker must find before it begins.

        Yields:
            The number of an item and its manifest, in any order.

        Raises:
            EngineError: after all others are done, naming a unit that failed and its cause; or at once, when nobody can
                work.
            InputError: a machine does not see the files.
            XretError: what making the state raises.
        """
        if not items:
            return
        share = self.share(cpus, len(items))
        made = None if state is None else reference(state.make)
        recipe = {} if state is None else state.recipe
        found = None if probe is None else asdict(probe)
        job = Job(reference(fn), made, recipe, share, logger.getEffectiveLevel(), os.getcwd(), found)
        ledger = Ledger(items, self.retries)
        try:
            yield from self.start(ledger, job, gpus=gpus, advance=advance)
        finally:
            self.executed += ledger.executed
        ledger.settle()

    def run(
        self, fn: Unit, items: Sequence[Item], *, folder: Path, recipe: str, **options: Any
    ) -> Iterator[tuple[int, dict[str, Any], bool]]:
        """As `map`, but each unit leaves a manifest in `folder`, and those that are complete are not done again.

        Args:
            fn: see `map`; its answer's `files` are names in `folder`.
            items: see there; `unit` names the manifest.
            folder: made if absent; of the disk that all workers share.
            recipe: hash of all that decides the bytes, the items' own names aside.
            options: as for `map`.

        Yields:
            As `map`, and whether the unit was done now.

        Raises:
            EngineError, XretError: as `map`.
        """
        Path(folder).mkdir(parents=True, exist_ok=True)
        todo: list[tuple[int, dict[str, Any]]] = []
        for number, item in enumerate(items):
            manifest, own = Path(folder, f"{item['unit']}.json").absolute(), digest(recipe, item["unit"])
            found = kept(manifest, own)
            if found is None:
                todo.append((number, {**item, "manifest": str(manifest), "recipe": own}))
            else:
                options.get("advance", _nobody)(int(item.get("size", 0)))
                yield number, found, False
        if len(todo) < len(items):
            logger.info("%s: %d of %d units are there already", folder, len(items) - len(todo), len(items))
        probe = Probe.in_folder(folder) if todo else None
        for place, result in self.map(fn, [item for _, item in todo], probe=probe, **options):
            yield todo[place][0], result, True
