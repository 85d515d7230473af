"""A process from inside that speaks in JSON lines: one message on each line of stdin, answers on stdout.

Answers that say nothing of the work are understood everywhere: ``{"done": n}`` on the way, ``{"log": [level, text]}``.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO, Any

__all__ = ["Say", "listening"]


class Say(logging.Handler):
    """Messages to the parent; log lines are some of them."""

    def __init__(self, out: IO[str]) -> None:
        """Written to a stream, from whatever thread."""
        super().__init__()
        self._out, self._one = out, threading.Lock()

    def __call__(self, **message: Any) -> None:
        """Send a message."""
        with self._one:
            self._out.write(json.dumps(message) + "\n")
            self._out.flush()

    def emit(self, record: logging.LogRecord) -> None:
        """Send a log line."""
        self(log=[record.levelno, record.getMessage()])

    def log(self, level: int) -> None:
        """From now on, get the log lines of xret from this level on, which then go nowhere else."""
        logger = logging.getLogger("xret")
        logger.setLevel(level)
        logger.addHandler(self)
        logger.propagate = False


def listening(work: Callable[[Iterator[dict[str, Any]], Say], object], *, leave: Callable[[], object]) -> None:
    """Work until stdin ends, which is also the end of what is under way: whoever wanted it is gone.

    Args:
        work: called with the messages and with how to answer them.
        leave: called before the process ends so.
    """
    # Libraries print; what they print must not come between the lines of JSON.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    messages: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            messages.put(json.loads(line))
        with suppress(Exception):
            leave()
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    try:
        work(iter(messages.get, None), Say(out))
    except BrokenPipeError:
        os._exit(1)
