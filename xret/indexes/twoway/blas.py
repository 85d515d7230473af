"""How many threads, and who runs them: our own over blocks, with the BLAS inside each kept to one."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

from xret.threads import sensible_threads, usable_cores

__all__ = ["single_threaded_blas", "worker_count"]


def worker_count(threads: int | None) -> int:
    """`threads`, or OMP_NUM_THREADS, or the cores this process may use; at most what `sensible_threads` allows."""
    if threads is not None:
        return sensible_threads(threads)
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return sensible_threads(int(asked))
    return usable_cores()


@contextmanager
def single_threaded_blas() -> Iterator[bool]:
    """Keep matrix products to the calling thread; gives False where threadpoolctl is missing and BLAS does as it likes.

    Threads inside a BLAS wait by spinning while ours filter a block, which costs more than they bring.
    """
    try:
        threadpoolctl = importlib.import_module("threadpoolctl")
    except ImportError:
        yield False
        return
    with threadpoolctl.threadpool_limits(limits=1, user_api="blas"):
        yield True
