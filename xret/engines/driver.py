"""The process that speaks to a Ray cluster: joins it, and then does one job after the other (see `xret.engines.lines`).

A process of its own, since Ray ends the one it is in when it has lost its cluster, and writes to its stdout and stderr.

First message: what `Cluster` holds. Answers: ``{"ready": true}``. Then jobs: ``{"job": …, "items": […], "retries": n,
"gpus": x}``; answers: ``{"result": [number, manifest]}`` for each unit done, and in the end ``{"given_up": [[number,
cause], …]}``. Instead of any of these, ``{"error": …}`` (see `xret.engines.calls.report`).
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from xret.engines.actors import Crew
from xret.engines.calls import Job, report
from xret.engines.ledger import EngineError, Ledger
from xret.engines.lines import Say, listening
from xret.errors import UsageError

__all__ = ["Cluster", "serve"]

MODE = "RAY_AUTH_MODE"
STORE = 128 << 20  # bytes of a cluster of our own for objects, of which there are next to none


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Where a driver works, as plain JSON.

    Attributes:
        address: of the cluster; None: one on this machine that lasts as long as the driver.
        cpus: of that one.
        workers: at most so many; None: as many as there is room for.
        level: of the log lines to send back.
    """

    address: str | None
    cpus: int
    workers: int | None
    level: int

    def join(self) -> ModuleType:
        """Ray, connected.

        Raises:
            EngineError: it cannot be.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray = importlib.import_module("ray")
        own = {"num_cpus": self.cpus, "include_dashboard": False, "object_store_memory": STORE}
        try:
            ray.init(
                address=self.address or "local", log_to_driver=False, logging_level=logging.ERROR,
                **({} if self.address else own),
            )  # fmt: skip
        except Exception as error:  # it raises whatever it meets
            # Ray sends its token to an address only where it is told to.
            hint = "" if not self.address or os.environ.get(MODE) else f"; if it wants a token, set {MODE}=token"
            where = f"RAY_ADDRESS {self.address}" if self.address else "a Ray cluster on this machine"
            raise EngineError(f"{where}: cannot be used ({_first_line(error)}){hint}") from error
        return ray


def serve() -> None:
    """Work until stdin ends."""
    listening(_work, leave=lambda: importlib.import_module("ray").shutdown())


def _work(messages: Iterator[dict[str, Any]], say: Say) -> None:
    cluster = Cluster(**next(messages))
    say.log(cluster.level)
    try:
        ray = cluster.join()
    except Exception as error:
        say(error=report(error))
        return
    say(ready=True)
    jobs = _Jobs(ray, cluster, say)
    for message in messages:
        try:
            jobs.do(message)
        except BrokenPipeError:
            raise
        except Exception as error:
            say(error=report(error))


class _Jobs:
    """One job after the other; actors stay for the next one, where it wants them as they are."""

    def __init__(self, ray: ModuleType, cluster: Cluster, say: Say) -> None:
        self._ray, self._cluster, self._say = ray, cluster, say
        self._spare, self._shape = list[Any](), (0, 0.0)

    def do(self, message: dict[str, Any]) -> None:
        job, gpus = Job(**message["job"]), message["gpus"]
        ledger = Ledger(message["items"], message["retries"])
        room = _room(self._ray, job.cpus, gpus)
        self._fit(job.cpus, gpus)
        crew = Crew(self._ray, ledger, job, gpus, self._spare)
        try:
            crew.hire(min(self._cluster.workers or room, len(ledger.items)))
            for found in crew.results():
                self._say(result=found)
        finally:
            crew.dismiss()
        self._say(given_up=ledger.given_up)

    def _fit(self, cpus: int, gpus: float) -> None:
        """End spare actors of another shape, which would keep the room for those of this one."""
        while self._spare and self._shape != (cpus, gpus):
            with suppress(Exception):
                self._ray.kill(self._spare.pop())
        self._shape = cpus, gpus


def _room(ray: ModuleType, cpus: int, gpus: float) -> int:
    """How many actors the cluster has room for.

    Raises:
        UsageError: no machine is large enough for one.
    """
    machines = [node.get("Resources", {}) for node in ray.nodes() if node.get("Alive")]
    room = [
        min(int(each.get("CPU", 0) // cpus), int(each.get("GPU", 0) // gpus) if gpus else 1 << 30) for each in machines
    ]
    if not any(room):
        wanted = f"{cpus} CPUs" + (f" and {gpus:g} GPUs" if gpus else "")
        raise UsageError(
            f"engine 'ray': none of the cluster's {len(machines)} machines has {wanted} for a worker; "
            "ask for fewer --threads, or another --device"
        )
    return sum(room)


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:200]


if __name__ == "__main__":
    serve()
