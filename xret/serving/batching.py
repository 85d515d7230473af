"""Micro-batching: queries that wait at the same time are answered by one call of the encoder and of the index."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from xret.serving.asking import Answer, Answering, Job
from xret.serving.limits import Limits

if TYPE_CHECKING:
    from xret.serving.metrics import Metrics

__all__ = ["Batcher"]

Result = TypeVar("Result")
logger = logging.getLogger("xret")


class Batcher:
    """Collects jobs while the workers are busy, and a moment longer where more are on their way.

    Nobody waits for a batch to fill when nobody else is there: a lone query is answered at once.
    """

    def __init__(
        self, answer: Answering, *, limits: Limits, workers: int, metrics: Metrics, coming: Callable[[], int]
    ) -> None:
        """Nothing runs yet.

        Args:
            answer: called in a worker's thread.
            limits: `batch` and `wait`.
            workers: threads.
            metrics: told the sizes of batches.
            coming: requests that were accepted and are not answered, those that wait here included.
        """
        self._answer, self._limits, self._metrics, self._coming = answer, limits, metrics, coming
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="xret-serve")
        self._waiting: deque[tuple[Job, asyncio.Future[list[Answer]]]] = deque()
        self._arrived, self._free = asyncio.Event(), asyncio.Semaphore(workers)
        self._running: set[asyncio.Task[None]] = set()
        self._busy = 0
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; called in the event loop."""
        self._loop = asyncio.get_running_loop().create_task(self._collect())

    async def ask(self, job: Job) -> list[Answer]:
        """The answers of a job.

        Its systems are let go of when it is done with, also when nobody waits for it any more.

        Raises:
            Exception: whatever went wrong for this job.
        """
        future: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, future))
        self._metrics.queued.set(len(self._waiting))
        self._arrived.set()
        try:
            return await future
        finally:
            job.left = True  # also when the answer is there: then it is of no consequence

    async def compute(self, work: Callable[[], Result]) -> Result:
        """Call something in a worker's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def close(self) -> None:
        """End what runs; what waits was answered before, or has nobody who wants it."""
        if self._loop is not None:
            self._loop.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._pool.shutdown(wait=True)

    async def _collect(self) -> None:
        while True:
            await self._free.acquire()
            batch = await self._next()
            task = asyncio.get_running_loop().create_task(self._run(batch))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _next(self) -> list[tuple[Job, asyncio.Future[list[Answer]]]]:
        """The jobs of the next batch: at least one."""
        loop, limit = asyncio.get_running_loop(), None
        while True:
            while not self._waiting:
                self._arrived.clear()
                await self._arrived.wait()
            if limit is None:
                limit = loop.time() + self._limits.wait / 1000
            queued = sum(len(job.queries) for job, _ in self._waiting)
            left = limit - loop.time()
            if queued >= self._limits.batch or left <= 0 or self._coming() <= len(self._waiting) + self._busy:
                taken = self._taken()
                if taken:
                    return taken
                limit = None
                continue
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), left)
            except TimeoutError:
                continue

    def _taken(self) -> list[tuple[Job, asyncio.Future[list[Answer]]]]:
        """The first jobs that fit, those that nobody waits for left out."""
        batch: list[tuple[Job, asyncio.Future[list[Answer]]]] = []
        size = 0
        while self._waiting and (not batch or size + len(self._waiting[0][0].queries) <= self._limits.batch):
            job, future = self._waiting.popleft()
            if future.done():
                job.held.close()
                continue
            batch.append((job, future))
            size += len(job.queries)
        self._metrics.queued.set(len(self._waiting))
        return batch

    async def _run(self, batch: list[tuple[Job, asyncio.Future[list[Answer]]]]) -> None:
        jobs = [job for job, _ in batch]
        self._busy += len(batch)
        self._metrics.batch.observe(sum(len(job.queries) for job in jobs))
        try:
            answers = await self.compute(lambda: self._answer(jobs))
            for (_, future), found in zip(batch, answers, strict=True):
                if future.done():
                    continue
                if isinstance(found, BaseException):
                    future.set_exception(found)
                else:
                    future.set_result(found)
        except Exception as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
        finally:
            for job in jobs:
                job.held.close()
            self._busy -= len(batch)
            self._free.release()
