"""Encoding by several processes: each loads the encoder once, and takes the next shard when it has done one.

The files have the bytes that one process writes, since a shard's vectors depend on its texts alone; they are recorded
in the corpus' order, so that what is there after a kill is a beginning, as ever. Processes are started anew, never
forked, and nothing is pickled: texts go there as Arrow, answers come back as JSON (see `xret.encoders.corpora.worker`).
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa

import xret.errors
from xret.devices import gpu_count
from xret.encoders.encoder import Encoder
from xret.encoders.recipe import Role
from xret.errors import XretError
from xret.threads import usable_cores
from xret.vectors import VectorsWriter

__all__ = ["WorkerError", "fill_by_workers", "spread"]

_FIELDS = ("id", "text", "lang")
logger = logging.getLogger("xret")


class WorkerError(XretError):
    """A process that was to encode has died."""


def fill_by_workers(
    writer: VectorsWriter,
    corpus: pa.Table,
    *,
    encoder: Encoder,
    role: Role | None,
    dim: int | None,
    shard_rows: int,
    workers: int,
    threads: int | None,
    advance: Callable[[int], object],
) -> None:
    """Write all shards that `writer` does not have yet.

    Args:
        writer: gets them, in order.
        corpus: `id`, `text` and perhaps `lang`.
        encoder: its name is what every process loads; its own graphs are closed meanwhile.
        role: as in `encode_corpus`.
        dim: as in `encode_corpus`.
        shard_rows: rows per shard.
        workers: processes; on ``cuda`` they take the GPUs in turn.
        threads: CPU threads of each; None shares the cores out.
        advance: called with the number of texts done.

    Raises:
        WorkerError: a process died; what the others finished is kept as far as it is a beginning.
        XretError: what a process could not do, as it would be raised here.
    """
    starts = range(writer.rows, corpus.num_rows, shard_rows)
    workers = min(workers, len(starts))
    encoder.release()
    devices = spread(encoder.device, workers)
    spec = {
        "name": encoder.name, "hash": encoder.hash, "role": role, "dim": dim, "dtype": writer.dtype,
        "threads": threads or max(1, usable_cores() // workers), "folder": str(writer.partial.absolute()),
        "out": str(writer.out), "level": logger.getEffectiveLevel(),
    }  # fmt: skip
    jobs = _Jobs(corpus, starts, shard_rows)
    logger.info("%d workers on %s, %d threads each", workers, ", ".join(dict.fromkeys(devices)), spec["threads"])
    started: list[_Worker] = []
    try:
        for at, device in enumerate(devices):
            started.append(_Worker({**spec, "device": device}, f"worker {at + 1} of {workers}", jobs, advance))
        _record(writer, jobs, len(starts))
    finally:
        for worker in started:
            worker.end()
        for left in writer.partial.glob(".worker-*.part"):
            left.unlink(missing_ok=True)


def spread(device: str, workers: int) -> list[str]:
    """Each worker's device: the GPUs in turn for ``cuda``; for any other, that one."""
    if device != "cuda":
        return [device] * workers
    count = max(1, gpu_count())
    return [f"cuda:{at % count}" for at in range(workers)]


def _record(writer: VectorsWriter, jobs: _Jobs, total: int) -> None:
    """Give finished shards to the writer in their order."""
    waiting: dict[int, dict[str, Any]] = {}
    recorded = 0
    while recorded < total:
        found = jobs.finished.get()
        if isinstance(found, BaseException):
            raise found
        waiting[found[0]] = found[1]
        while recorded in waiting:
            shard = waiting.pop(recorded)
            writer.adopt(writer.partial / str(shard.pop("file")), **shard)
            recorded += 1


class _Jobs:
    """Shards to do, and what has become of those done."""

    def __init__(self, corpus: pa.Table, starts: range, shard_rows: int) -> None:
        self._corpus, self._starts, self._rows = corpus, starts, shard_rows
        self._next, self._lock = iter(range(len(starts))), threading.Lock()
        self._said: set[str] = set()
        self.finished: queue.SimpleQueue[tuple[int, dict[str, Any]] | BaseException] = queue.SimpleQueue()
        names = [name for name in _FIELDS if name in corpus.column_names]
        self.schema = pa.schema([(name, pa.large_string()) for name in names])  # a shard may pass 2 GiB

    def say(self, level: int, message: str) -> None:
        """Log what a process says, once for all of them."""
        with self._lock:
            new, self._said = message not in self._said, self._said | {message}
        if new:
            logger.log(level, "%s", message)

    def __iter__(self) -> Iterator[tuple[int, str, pa.RecordBatch]]:
        """(number, rows for messages, texts) of shards that nobody has taken yet."""
        while True:
            with self._lock:
                number = next(self._next, None)
            if number is None:
                return
            part = self._corpus.slice(self._starts[number], self._rows).select(self.schema.names)
            first = self._starts[number]
            (batch,) = part.cast(self.schema).combine_chunks().to_batches()
            yield number, f"rows {first} to {first + part.num_rows - 1}", batch


class _Worker:
    """A process, and the thread that feeds it."""

    def __init__(self, spec: dict[str, Any], name: str, jobs: _Jobs, advance: Callable[[int], object]) -> None:
        self._name, self._jobs, self._advance, self._at = name, jobs, advance, "the start"
        root = str(Path(xret.errors.__file__).parents[1])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "xret.encoders.corpora.worker", json.dumps(spec)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,  # Ctrl-C is for this process, which ends the others
        )  # fmt: skip
        self._thread = threading.Thread(target=self._feed, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop the process, whatever it does; one that is through has ended by itself."""
        with suppress(OSError):
            self._process.kill()
        self._process.wait()
        self._thread.join()
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if stream is not None:
                    stream.close()

    def _feed(self) -> None:
        try:
            with suppress(BrokenPipeError), pa.ipc.new_stream(self._process.stdin, self._jobs.schema) as sink:
                for number, at, batch in self._jobs:
                    self._at = at
                    with suppress(BrokenPipeError):  # it has ended: its last words say why
                        sink.write_batch(batch)
                        assert self._process.stdin is not None
                        self._process.stdin.flush()
                    self._jobs.finished.put((number, self._answer()))
        except BaseException as error:
            self._jobs.finished.put(error)

    def _answer(self) -> dict[str, Any]:
        """The description of the shard that the process makes."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            ((kind, value),) = json.loads(line).items()
            if kind == "shard":
                assert isinstance(value, dict)
                return value
            if kind == "done":
                self._advance(value)
            elif kind == "log":
                self._jobs.say(*value)
            else:
                raise _raised(value, self._name)
        raise WorkerError(self._death())

    def _death(self) -> str:
        code = self._process.wait()
        why = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        hint = " (out of memory?)" if code == -signal.SIGKILL else ""
        return (
            f"{self._name} {why}{hint} at {self._at}; run the same command with --resume, with fewer workers if need be"
        )


def _raised(error: dict[str, str], name: str) -> XretError:
    kind = getattr(xret.errors, error["kind"], None) if error["kind"] else None
    return WorkerError(f"{name}: {error['message']}") if kind is None else kind(error["message"])
