"""Another process as its parent sees it: JSON lines there and back, nothing pickled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import xret
from xret.engines.calls import Job

__all__ = ["Died", "Process", "Worker"]

ROOT = str(Path(xret.__file__).parents[1])


class Died(Exception):
    """A process that was to work is gone; says how."""


class Process:
    """A process of ours, which reads JSON lines from stdin and answers in JSON lines; see `xret.engines.lines`."""

    def __init__(
        self, module: str, *, cpus: int, say: Callable[[int, str], object], gpu: int | None = None, quiet: bool = False
    ) -> None:
        """Start it.

        Args:
            module: what it runs.
            cpus: threads of the libraries it loads.
            say: gets its log lines.
            gpu: the number of the only GPU that it may see; None: those of this process.
            quiet: whether what it writes to stderr is left out.
        """
        self._say = say
        self._process = subprocess.Popen(
            [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else None, env=_environment(cpus, gpu), text=True, encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for this process, which ends the others
        )  # fmt: skip

    def send(self, message: Mapping[str, Any]) -> None:
        """Give it something to do.

        Raises:
            Died: it has.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError) as error:
            raise Died(self._death()) from error

    def answer(self, advance: Callable[[int], object]) -> dict[str, Any]:
        """What it answers next; progress goes to `advance`, log lines where they belong.

        Raises:
            Died: it has.
        """
        assert self._process.stdout is not None
        with suppress(ValueError):  # closed meanwhile, or a line cut off
            for line in self._process.stdout:
                message: dict[str, Any] = json.loads(line)
                if "done" in message:
                    advance(message["done"])
                elif "log" in message:
                    self._say(*message["log"])
                else:
                    return message
        raise Died(self._death())

    def leave(self, patience: float) -> None:
        """Let it end by itself, as it does when its stdin ends; after so many seconds, and all it started, by force."""
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        with suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self.end()

    def end(self) -> None:
        """Stop the process, whatever it does."""
        with suppress(OSError):
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with suppress(OSError, ValueError):
                if stream is not None:
                    stream.close()

    def _death(self) -> str:
        code = self._process.wait()
        if code >= 0:
            return f"ended with code {code}"
        hint = " (out of memory?)" if code == -signal.SIGKILL else ""
        return f"was killed by {signal.Signals(-code).name}{hint}"


def _environment(cpus: int, gpu: int | None) -> dict[str, str]:
    paths = [ROOT, *filter(None, [os.environ.get("PYTHONPATH")])]
    own = {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": str(cpus)}
    if gpu is not None:
        seen = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        own["CUDA_VISIBLE_DEVICES"] = seen[gpu] if any(seen) and gpu < len(seen) else str(gpu)
    return {**os.environ, **own}


class Worker(Process):
    """A worker process that has been told its job.

    Attributes:
        ready: whether it has said that it made its state.
    """

    def __init__(self, job: Job, *, gpu: int | None, say: Callable[[int, str], object]) -> None:
        """Start it; arguments as above."""
        super().__init__("xret.engines.worker", cpus=job.cpus, say=say, gpu=gpu)
        self.ready = False
        with suppress(Died):  # found again by whoever waits for its answer
            self.send(job.fields())
