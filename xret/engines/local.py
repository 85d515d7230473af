"""This machine: the process itself, or several others."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

from xret.devices import gpu_count
from xret.engines.calls import Bench, Job, raised, report
from xret.engines.engine import Engine
from xret.engines.ledger import LONG, Ledger
from xret.engines.process import Died, Worker
from xret.threads import usable_cores

__all__ = ["LocalEngine"]

logger = logging.getLogger("xret")
Found = tuple[int, dict[str, Any]] | BaseException | None


class LocalEngine(Engine):
    """One worker, or one unit, is this very process; more are processes, started anew and spoken to in JSON.

    Attributes:
        workers: at most so many.
    """

    name = "local"

    def __init__(self, workers: int | None = None) -> None:
        """Nothing is started yet.

        Args:
            workers: None for one per core.
        """
        self.workers = workers or usable_cores()

    def share(self, cpus: int | None, units: int) -> int:
        """The cores, shared out."""
        return cpus or max(1, usable_cores() // min(self.workers, units))

    def start(
        self, ledger: Ledger, job: Job, *, gpus: float, advance: Callable[[int], object]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """See `Engine`."""
        if min(self.workers, len(ledger.items)) == 1:
            yield from _here(ledger, job, advance)
            return
        crew = _Crew(ledger, job, gpus, advance)
        try:
            crew.hire(min(self.workers, len(ledger.items)))
            while True:
                try:
                    found = crew.finished.get(timeout=LONG)
                except queue.Empty:
                    ledger.remind()
                    continue
                if found is None:
                    return
                if isinstance(found, BaseException):
                    raise found
                yield found
        finally:
            crew.dismiss()


def _here(ledger: Ledger, job: Job, advance: Callable[[int], object]) -> Iterator[tuple[int, dict[str, Any]]]:
    bench = Bench(job)
    while (number := ledger.take()) is not None:
        told = _Told(advance)
        try:
            result = bench.run(ledger.items[number], told)
        except Exception as error:
            ledger.wrong(number, report(error))
        else:
            told.rest(ledger.items[number])
            ledger.done(number)
            yield number, result


class _Told:
    """Counts what was told of a unit's progress, so that in the end all of it is told."""

    def __init__(self, advance: Callable[[int], object]) -> None:
        self._advance, self._count = advance, 0

    def __call__(self, count: int) -> None:
        self._count += count
        self._advance(count)

    def rest(self, item: Any) -> None:
        self._advance(int(item.get("size", 0)) - self._count)

    def undo(self) -> None:
        self._advance(-self._count)


class _Crew:
    """Processes, and a thread for each that hands it units."""

    def __init__(self, ledger: Ledger, job: Job, gpus: float, advance: Callable[[int], object]) -> None:
        self._ledger, self._job, self._gpus, self._advance = ledger, job, gpus, advance
        self._lock, self._threads, self._workers = threading.Lock(), list[threading.Thread](), dict[int, Worker]()
        self._said, self._over, self._active = set[str](), False, 0
        self.finished: queue.SimpleQueue[Found] = queue.SimpleQueue()

    def hire(self, count: int) -> None:
        logger.info("%d workers, %d threads each", count, self._job.cpus)
        self._active = count
        self._threads = [threading.Thread(target=self._serve, args=(at, count), daemon=True) for at in range(count)]
        for thread in self._threads:
            thread.start()

    def dismiss(self) -> None:
        """End all processes, whatever they do."""
        with self._lock:
            self._over = True
            workers = list(self._workers.values())
        for worker in workers:
            worker.end()
        for thread in self._threads:
            thread.join()

    def _serve(self, at: int, count: int) -> None:
        try:
            while (number := self._ledger.take()) is not None:
                try:
                    self._do(self._hired(at, count), number)
                except Died as death:
                    with self._lock:
                        if self._over:
                            return
                        self._workers.pop(at).end()
                    self._ledger.lost(number, str(death))
        except BaseException as error:
            self.finished.put(error)
        finally:
            with self._lock:
                self._active -= 1
                last = not self._active
            if last:
                self.finished.put(None)

    def _hired(self, at: int, count: int) -> Worker:
        with self._lock:
            if self._over:
                raise Died("is no longer needed")
            if at not in self._workers:
                gpu = at % max(1, gpu_count()) if self._gpus else None
                self._workers[at] = Worker(self._job, gpu=gpu, say=self._say)
            worker = self._workers[at]
        if not worker.ready:
            answer = worker.answer(self._advance)
            if "error" in answer:
                raise raised(answer["error"])
            worker.ready = True
        return worker

    def _do(self, worker: Worker, number: int) -> None:
        told = _Told(self._advance)
        try:
            worker.send(self._ledger.items[number])
            answer = worker.answer(told)
        except Died:
            told.undo()
            raise
        if "result" in answer:
            told.rest(self._ledger.items[number])
            self._ledger.done(number)
            self.finished.put((number, answer["result"]))
        else:
            self._ledger.wrong(number, answer["error"])

    def _say(self, level: int, message: str) -> None:
        """Log what a process says, once for all of them."""
        with self._lock:
            new, self._said = message not in self._said, self._said | {message}
        if new:
            logger.log(level, "%s", message)
