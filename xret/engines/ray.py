"""A Ray cluster: one actor per worker, each with its state; Ray carries names of files, never arrays."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

from xret.engines.calls import Job, raised
from xret.engines.driver import Cluster
from xret.engines.engine import Engine
from xret.engines.ledger import EngineError, Ledger
from xret.engines.process import Died, Process
from xret.errors import require
from xret.threads import usable_cores

__all__ = ["RayEngine"]

logger = logging.getLogger("xret")
ADDRESS = "RAY_ADDRESS"
REACH = 5.0  # seconds for the cluster's port to answer
GOODBYE = 10.0  # seconds to leave a cluster in
# HTTP/2's connection preface with empty settings, and where in the answer it says that it holds settings too (RFC 9113)
HELLO, KIND, SETTINGS = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]), 3, 4


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
        if find_spec("ray") is None:
            require("ray", extra="ray", purpose="the engine 'ray'")
        self.workers = workers
        self._driver: Process | None = None

    def share(self, cpus: int | None, units: int) -> int:
        """One thread, unless more are asked for: places of a cluster are counted in CPUs."""
        return cpus or 1

    def close(self) -> None:
        """Leave the cluster; one of our own ends."""
        if self._driver is not None:
            self._driver.leave(GOODBYE)
            self._driver = None

    def start(
        self, ledger: Ledger, job: Job, *, gpus: float, advance: Callable[[int], object]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """See `Engine`."""
        driver, over = self._joined(job), False
        try:
            driver.send({"job": job.fields(), "items": list(ledger.items), "retries": ledger.retries, "gpus": gpus})
            while "result" in (said := driver.answer(advance)):
                number, result = said["result"]
                ledger.done(number)
                advance(int(ledger.items[number].get("size", 0)))
                yield number, result
            over = True
        except Died as death:
            raise EngineError(
                f"{_where()}: the connection to the cluster was lost (its driver {death}); what is done is kept: run "
                "again when the cluster is back"
            ) from death
        finally:
            if not over:  # nobody wants the rest
                self.close()
        if "error" in said:
            raise raised(said["error"])
        for number, cause in said["given_up"]:
            ledger.failed(number, cause)

    def _joined(self, job: Job) -> Process:
        """The driver, connected.

        Raises:
            EngineError: nobody is at the address, or it is none that can be used.
        """
        if self._driver is not None:
            return self._driver
        address = os.environ.get(ADDRESS) or None
        if address is not None:
            _check(address)
        own = (self.workers or usable_cores()) * job.cpus
        cluster = Cluster(address=address, cpus=own, workers=self.workers, level=job.level)
        driver = Process("xret.engines.driver", cpus=job.cpus, say=_say, quiet=job.level > logging.DEBUG)
        try:
            driver.send(asdict(cluster))
            said = driver.answer(lambda count: None)
        except Died as death:
            driver.end()
            raise EngineError(f"{_where()}: cannot be used (its driver {death})") from death
        except BaseException:
            driver.end()
            raise
        if "error" in said:
            driver.end()
            raise raised(said["error"])
        self._driver = driver
        return driver


def _say(level: int, message: str) -> None:
    logger.log(level, "%s", message)


def _where() -> str:
    address = os.environ.get(ADDRESS)
    return f"{ADDRESS} {address}" if address else "the Ray cluster on this machine"


def _check(address: str) -> None:
    """Refuse an address at which no cluster is: Ray itself would try for half a minute.

    Raises:
        EngineError: nobody listens there, or somebody who does not speak as Ray does.
    """
    host, _, port = address.rpartition("//")[2].partition("/")[0].rpartition(":")
    if not host and address in ("auto", "local"):
        return
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=REACH) as connection:
            reason = None if os.environ.get("RAY_USE_TLS") == "1" or _speaks(connection) else "something else answers"
    except ValueError:
        reason = "no HOST:PORT"
    except OSError as error:
        reason = getattr(error, "strerror", None) or "no answer"
    if reason is not None:
        raise EngineError(
            f"{ADDRESS} {address}: no cluster there ({reason}); start one with 'ray start --head', or unset it to use "
            "this machine"
        )


def _speaks(connection: socket.socket) -> bool:
    """Whether the other side speaks HTTP/2 without TLS, on which gRPC, and so Ray, is built."""
    answer = b""
    with suppress(OSError):
        connection.sendall(HELLO)
        while len(answer) <= KIND and (more := connection.recv(16)):
            answer += more
    return len(answer) > KIND and answer[KIND] == SETTINGS
