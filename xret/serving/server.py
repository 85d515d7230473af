"""The process: a socket, the systems, signals, and an end without losing anybody's answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from xret.errors import XretError, require
from xret.indexes.kinds import verbs_of
from xret.indexes.twoway.blas import single_threaded_blas
from xret.serving.addresses import bound_socket, own_names
from xret.serving.asking import Asking
from xret.serving.batching import Batcher
from xret.serving.connections import protocol_of
from xret.serving.generation import Place
from xret.serving.generations import Systems
from xret.serving.keys import Key
from xret.serving.limits import Limits
from xret.serving.metrics import Metrics
from xret.serving.remembering import Remembering, Shelf
from xret.serving.state import State

if TYPE_CHECKING:
    from xret.encoders import Encoder

__all__ = ["Settings", "serve", "verify"]

logger = logging.getLogger("xret")
LINGER = 0.3  # seconds in which those who still hold a connection are told that the server stops


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to serve.

    Attributes:
        host: address to listen at.
        port: 0 for a free one.
        key: who may ask; None for everybody who reaches the host.
        hosts: further names that the server goes by.
        limits: what it takes on.
        workers: threads that answer.
        threads: CPU threads of each; None for all cores.
        device: of the encoders.
        check: read an index whole before it is swapped in.
        reranker: name of a cross-encoder, for those who ask for it.
        remember: bytes for vectors of documents that were lately reranked or explained; 0 for none.
        watch: seconds between two looks at whether an index has changed; 0 for none.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    key: Key | None = None
    hosts: Sequence[str] = ()
    limits: Limits = field(default_factory=Limits)
    workers: int = 2
    threads: int | None = None
    device: str = "auto"
    check: bool = True
    reranker: str | None = None
    remember: int = 256 << 20
    watch: float = 0.0


def serve(places: Sequence[Place], settings: Settings, *, told: Callable[[str], object]) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP opens again what has changed.

    Args:
        places: the systems.
        settings: see there.
        told: called with the address when requests are taken on.

    Raises:
        InputError: an index that cannot be opened, or an address that cannot be listened at.
        MissingExtraError: the extra is not installed.
    """
    _needed()
    listening = bound_socket(settings.host, settings.port)
    with contextlib.closing(listening):
        asyncio.run(_serve(_state(places, settings), settings, listening, told))


def verify(places: Sequence[Place], settings: Settings) -> list[dict[str, Any]]:
    """Open the systems as `serve` does, and let go of them; gives what they say of themselves.

    Raises:
        InputError: as `serve`.
        MissingExtraError: as `serve`.
    """
    from xret.serving.systems import described

    _needed()
    systems = _state(places, settings).systems
    try:
        if settings.check:
            for place in places:
                verbs_of(place.folder).check(place.folder)
        return [described(one) for one in systems.current()]
    finally:
        systems.close()


def _needed() -> None:
    for module in ("fastapi", "uvicorn", "prometheus_client"):
        require(module, extra="serve", purpose="xret serve")


def _state(places: Sequence[Place], settings: Settings) -> State:
    from xret.encoders import load_encoder, load_reranker
    from xret.encoders.runtime.steady import steady

    shelf = Shelf(settings.remember)

    def load(name: str) -> Encoder:
        encoder = steady(load_encoder(name, device=settings.device, threads=settings.threads))
        return cast("Encoder", Remembering(encoder, shelf))

    reranker = None
    if settings.reranker is not None:
        reranker = load_reranker(settings.reranker, device=settings.device, threads=settings.threads)
    metrics = Metrics()
    state = State(
        Systems(places, load, metrics=metrics), settings.limits, metrics, key=settings.key, threads=settings.threads,
        check=settings.check, hosts=own_names(settings.host, settings.hosts, key=settings.key), reranker=reranker,
    )  # fmt: skip
    state.batcher = Batcher(
        Asking(threads=settings.threads, metrics=metrics, reranker=reranker), limits=settings.limits,
        workers=settings.workers, metrics=metrics, coming=lambda: state.active,
    )  # fmt: skip
    return state


async def _serve(state: State, settings: Settings, listening: socket.socket, told: Callable[[str], object]) -> None:
    import uvicorn

    from xret.serving.app import make_app

    config = uvicorn.Config(
        make_app(state), log_config=None, access_log=False, server_header=False, proxy_headers=False, lifespan="off",
        ws="none", http=protocol_of(state.limits), timeout_keep_alive=30, timeout_graceful_shutdown=5,
    )  # fmt: skip
    server = _server(uvicorn)(config)
    batcher = state.batcher
    if batcher is None:
        raise RuntimeError("a state without its batcher")
    batcher.start()
    tasks: list[asyncio.Task[None]] = []
    # The limit is the whole process's: a worker that leaves it must not lift it for another, whose bits it decides.
    with single_threaded_blas(), _signals(server, state, tasks):
        if settings.watch:
            tasks.append(asyncio.get_running_loop().create_task(_watch(state, settings.watch)))
        tasks.append(asyncio.get_running_loop().create_task(_announce(server, listening, told)))
        try:
            await server.serve(sockets=[listening])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await batcher.close()
            state.systems.close()
    logger.warning("xret serve: stopped; %d requests taken on, %d answered", state.accepted, state.answered)


def _server(uvicorn: Any) -> Any:
    """uvicorn's server, without its handling of signals: it would end by raising them again."""

    class Server(uvicorn.Server):  # type: ignore[misc]
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    return Server


async def _announce(server: Any, listening: socket.socket, told: Callable[[str], object]) -> None:
    while not server.started:
        await asyncio.sleep(0.01)
    host, port = listening.getsockname()[:2]
    told(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")


@contextlib.contextmanager
def _signals(server: Any, state: State, tasks: list[asyncio.Task[None]]) -> Iterator[None]:
    """SIGTERM and SIGINT end the server, the second time at once; SIGHUP has it look at its indexes."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if state.stopping.is_set():
            server.should_exit = server.force_exit = True
            return
        state.stopping.set()
        tasks.append(loop.create_task(_drain(server, state)))

    def look() -> None:
        tasks.append(loop.create_task(_swap(state)))

    handlers: list[tuple[int, Callable[[], None]]] = [(signal.SIGTERM, stop), (signal.SIGINT, stop)]
    if hasattr(signal, "SIGHUP"):
        handlers.append((signal.SIGHUP, look))
    for number, handler in handlers:
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number, _ in handlers:
            loop.remove_signal_handler(number)


async def _drain(server: Any, state: State) -> None:
    """Let no one else in, answer those who are, tell the others, and end."""
    for each in server.servers:
        each.close()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while loop.time() - begun < LINGER or (state.active and loop.time() - begun < state.limits.grace):
        await asyncio.sleep(0.02)
    server.should_exit = True


async def _swap(state: State) -> None:
    """Open what has changed; where that fails, what is there stays."""
    try:
        await asyncio.to_thread(state.systems.swap, check=state.check)
    except (XretError, OSError) as error:
        logger.warning("serve: not swapped: %s", error)
    except Exception:
        logger.exception("serve: not swapped")


async def _watch(state: State, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        if await asyncio.to_thread(lambda: any(state.systems.changed(one.place) for one in state.systems.current())):
            await _swap(state)
