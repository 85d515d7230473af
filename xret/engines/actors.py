"""Actors of a Ray cluster, and who is at what.

Whose turn it is, and what is tried again, is decided here and not by Ray: a unit goes only to an actor that is up, and
a unit whose actor died goes to the next one that is free. Ray's own restarts (`max_restarts`, `max_task_retries`) would
keep the unit with the dead actor until the cluster has room for it again, which after the loss of a machine may be
never. Nothing is pickled but strings.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from types import ModuleType
from typing import Any

from xret.engines.calls import Job, raised
from xret.engines.ledger import EngineError, Ledger

__all__ = ["Actor", "Crew"]

logger = logging.getLogger("xret")
PATIENCE = 60.0  # seconds between two words about a cluster that has no room


class Crew:
    """Actors, and what each of them is at."""

    def __init__(self, ray: ModuleType, ledger: Ledger, job: Job, gpus: float, spare: list[Any]) -> None:
        """Nobody yet.

        Args:
            ray: the module.
            ledger: of the units.
            job: what they are about.
            gpus: of each actor.
            spare: actors that an earlier job with as many CPUs and GPUs has left; those that this one leaves are added.
        """
        self._ray, self._ledger, self._job, self._spare = ray, ledger, job, spare
        self._class = ray.remote(Actor).options(
            num_cpus=job.cpus, num_gpus=gpus, max_restarts=0, max_task_retries=0, max_concurrency=1
        )
        self._at: dict[Any, tuple[Any, int | None]] = {}  # answer awaited -> its actor, and the unit (None: the start)
        self._used: set[Any] = set()  # answers to starts of actors that an earlier job has left
        self._idle: list[Any] = []
        self._said: set[str] = set()
        self._false_starts = 0

    def hire(self, count: int) -> None:
        """Ask for actors; they come when the cluster has room."""
        logger.info("%d actors, %d threads each", count, self._job.cpus)
        for _ in range(count):
            self._call_in()

    def dismiss(self) -> None:
        """End the actors that are at something; the others are spare."""
        for actor, _ in self._at.values():
            with suppress(Exception):
                self._ray.kill(actor)
        self._spare += self._idle
        self._at, self._idle = {}, []

    def results(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(number, result) of units as they are done."""
        while self._ledger.open:
            self._hand_out()
            done, _ = self._ray.wait(list(self._at), num_returns=1, timeout=PATIENCE)
            if not done and all(number is None for _, number in self._at.values()):
                logger.warning("engine 'ray': the cluster has no room for a worker yet; waiting")
            self._ledger.remind()
            for answer in done:
                found = self._received(answer)
                if found is not None:
                    yield found

    def _call_in(self) -> None:
        used = bool(self._spare)
        actor = self._spare.pop() if used else self._class.remote()
        answer = actor.start.remote(json.dumps(self._job.fields()))
        self._at[answer] = (actor, None)
        if used:
            self._used.add(answer)

    def _hand_out(self) -> None:
        """Give units to those who have none."""
        while self._idle and (number := self._ledger.take()) is not None:
            actor = self._idle.pop()
            self._at[actor.run.remote(json.dumps(dict(self._ledger.items[number])))] = (actor, number)

    def _received(self, answer: Any) -> tuple[int, dict[str, Any]] | None:
        actor, number = self._at.pop(answer)
        try:
            said = json.loads(self._ray.get(answer))
        except self._ray.exceptions.RayError as error:
            self._lost(actor, number, _death(error), fresh=answer not in self._used)
            return None
        self._say(said["log"])
        self._idle.append(actor)
        wrong = said.get("error")
        if number is None:
            self._false_starts = 0
            if wrong:
                raise raised(wrong)
            return None
        if wrong is None:
            self._ledger.done(number)
            return number, said["result"]
        self._ledger.wrong(number, wrong)
        return None

    def _lost(self, actor: Any, number: int | None, cause: str, *, fresh: bool) -> None:
        """An actor died: another one is asked for, and the unit waits for whoever is free."""
        with suppress(Exception):
            self._ray.kill(actor)
        if number is None and fresh:
            self._false_starts += 1
            if self._false_starts > self._ledger.retries:
                raise EngineError(f"engine 'ray': no worker comes up: the last one {cause}")
        elif number is not None:
            self._ledger.lost(number, cause)
        self._call_in()

    def _say(self, lines: list[tuple[int, str]]) -> None:
        """Log what actors say, once for all of them."""
        for level, message in lines:
            if message not in self._said:
                self._said.add(message)
                logger.log(level, "%s", message)


class Actor:
    """A worker in the cluster; speaks JSON, as `xret.engines.worker` does."""

    def __init__(self) -> None:
        """Without a job yet."""
        self._bench: Any = None
        self._lines: list[tuple[int, str]] = []

    def start(self, job: str) -> str:
        """Make the state."""
        import xret.engines.calls as calls

        told = calls.Job(**json.loads(job))
        logger = logging.getLogger("xret")
        logger.setLevel(told.level)
        logger.handlers, logger.propagate = [_Kept(self._lines)], False
        self._bench = None  # of the job before
        try:
            self._bench = calls.Bench(told)
        except Exception as error:
            return self._answer(error=calls.report(error))
        return self._answer(ready=True)

    def run(self, item: str) -> str:
        """Do a unit."""
        import xret.engines.calls as calls

        try:
            return self._answer(result=self._bench.run(json.loads(item), lambda count: None))
        except Exception as error:
            return self._answer(error=calls.report(error))

    def _answer(self, **fields: Any) -> str:
        lines, self._lines[:] = list(self._lines), []
        return json.dumps({**fields, "log": lines})


class _Kept(logging.Handler):
    """Keeps log lines for the next answer."""

    def __init__(self, lines: list[tuple[int, str]]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append((record.levelno, record.getMessage()))


def _death(error: Exception) -> str:
    if "failed to import" in str(error):
        return "cannot import xret there; every machine of the cluster needs the same version"
    if type(error).__name__ == "OutOfMemoryError":
        return "was ended by Ray for want of memory"
    if "its node has died" in str(error) or "NODE_DIED" in str(error):
        return "was lost with its machine"
    return "died (out of memory?)"
