"""A worker process from inside: reads its job and then items from stdin, one JSON line each, and answers on stdout.

Answers: ``{"ready": true}`` when the state is made, ``{"done": n}`` on the way, ``{"log": [level, text]}``, and
``{"result": …}`` or ``{"error": {"kind": …, "message": …}}`` for each item.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import sys
import threading
from typing import IO, Any

from xret.engines.calls import Bench, Job, report

__all__ = ["serve"]


def serve() -> None:
    """Work until stdin ends, which is also the end of a unit under way: whoever wanted it is gone."""
    # Libraries print; what they print must not come between the lines of JSON.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    items: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(items,), daemon=True).start()
    say = _Say(out)
    try:
        _work(items, say)
    except BrokenPipeError:
        os._exit(1)


def _read(items: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        items.put(json.loads(line))
    os._exit(0)


def _work(items: queue.SimpleQueue[dict[str, Any]], say: _Say) -> None:
    job = Job(**items.get())
    logger = logging.getLogger("xret")
    logger.setLevel(job.level)
    logger.addHandler(say)
    logger.propagate = False
    try:
        bench = Bench(job)
    except Exception as error:
        say(error=report(error))
        return
    say(ready=True)
    while True:
        item = items.get()
        try:
            result = bench.run(item, lambda count: say(done=count))
        except BrokenPipeError:
            raise
        except Exception as error:
            say(error=report(error))
        else:
            say(result=result)


class _Say(logging.Handler):
    """Messages to the parent; log lines are some of them."""

    def __init__(self, out: IO[str]) -> None:
        super().__init__()
        self._out, self._one = out, threading.Lock()

    def __call__(self, **message: Any) -> None:
        with self._one:
            self._out.write(json.dumps(message) + "\n")
            self._out.flush()

    def emit(self, record: logging.LogRecord) -> None:
        self(log=[record.levelno, record.getMessage()])


if __name__ == "__main__":
    serve()
