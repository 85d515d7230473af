"""A Ray cluster: one actor per worker, each with its state; Ray carries names of files, never arrays."""

from __future__ import annotations

import importlib
import logging
import os
import socket
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from xret.engines.actors import Crew
from xret.engines.calls import Job
from xret.engines.engine import Engine
from xret.engines.ledger import EngineError, Ledger
from xret.errors import UsageError, require
from xret.threads import usable_cores

__all__ = ["RayEngine"]

logger = logging.getLogger("xret")
ADDRESS, MODE = "RAY_ADDRESS", "RAY_AUTH_MODE"
REACH = 5.0  # seconds for the cluster's port to answer
STORE = 128 << 20  # bytes of a cluster of our own for objects, of which there are next to none


class RayEngine(Engine):
    """Actors of the cluster at ``RAY_ADDRESS``; without that, of one on this machine that lasts as long as the engine.

    Attributes:
        workers: at most so many; None: a local one has one per core, another as many as it has room for.
    """

    name = "ray"

    def __init__(self, workers: int | None = None) -> None:
        """Nothing is started yet.

        Raises:
            MissingExtraError: Ray is not installed.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        self.workers = workers
        self._ray: ModuleType = require("ray", extra="ray", purpose="the engine 'ray'")
        self._ours = False

    def share(self, cpus: int | None, units: int) -> int:
        """One thread, unless more are asked for: places of a cluster are counted in CPUs."""
        return cpus or 1

    def close(self) -> None:
        """Leave the cluster, if it was this engine that joined or started it."""
        if self._ours:
            self._ray.shutdown()
            self._ours = False

    def start(
        self, ledger: Ledger, job: Job, *, gpus: float, advance: Callable[[int], object]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """See `Engine`."""
        self._join(job.cpus)
        count = self._places(job.cpus, gpus, len(ledger.items))
        crew = Crew(self._ray, ledger, job, gpus)
        try:
            crew.hire(count)
            for number, result in crew.results():
                advance(int(ledger.items[number].get("size", 0)))
                yield number, result
        finally:
            crew.dismiss()

    def _join(self, cpus: int) -> None:
        ray = self._ray
        if ray.is_initialized():
            return
        address = os.environ.get(ADDRESS) or None
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": False}
        if address is None:
            own = (self.workers or usable_cores()) * cpus
            options |= {"address": "local", "num_cpus": own, "include_dashboard": False, "object_store_memory": STORE}
        else:
            _reachable(address)
            options |= {"address": address}
        _hush()
        try:
            ray.init(**options)
        except Exception as error:  # it raises whatever it meets
            # Ray sends its token to an address only where it is told to.
            hint = "" if not address or os.environ.get(MODE) else f"; if it wants a token, set {MODE}=token"
            where = f"{ADDRESS} {address}" if address else "a Ray cluster on this machine"
            raise EngineError(f"{where}: cannot be used ({_first_line(error)}){hint}") from error
        self._ours = True

    def _places(self, cpus: int, gpus: float, units: int) -> int:
        """How many actors to ask for.

        Raises:
            UsageError: no machine is large enough for one.
        """
        machines = [node.get("Resources", {}) for node in self._ray.nodes() if node.get("Alive")]
        room = [
            min(int(each.get("CPU", 0) // cpus), int(each.get("GPU", 0) // gpus) if gpus else 1 << 30)
            for each in machines
        ]
        if not any(room):
            wanted = f"{cpus} CPUs" + (f" and {gpus:g} GPUs" if gpus else "")
            raise UsageError(
                f"engine 'ray': none of the cluster's {len(machines)} machines has {wanted} for a worker; "
                "ask for fewer --threads, or another --device"
            )
        return min(self.workers or sum(room), units)


def _reachable(address: str) -> None:
    """Refuse an address at which nobody listens: Ray itself would try for minutes.

    Raises:
        EngineError: nobody does.
    """
    host, _, port = address.rpartition("//")[2].partition("/")[0].rpartition(":")
    if not host and address in ("auto", "local"):
        return
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=REACH):
            return
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no answer" if isinstance(error, OSError) else "no HOST:PORT"
        raise EngineError(
            f"{ADDRESS} {address}: no cluster there ({reason}); start one with 'ray start --head', or unset it to use "
            "this machine"
        ) from error


def _hush() -> None:
    """Keep Ray from writing to stdout, where data goes: it reports lost workers there, which we do ourselves."""
    logging.getLogger("ray").setLevel(logging.ERROR)
    inside: Any = importlib.import_module("ray._private.worker")
    if hasattr(inside, "print_to_stdstream"):
        inside.print_to_stdstream = lambda *said, **options: logger.debug("ray: %s", said)


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:200]
