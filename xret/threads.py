"""How many threads to start: what was asked for, within reason."""

from __future__ import annotations

import logging
import os
from functools import cache

__all__ = ["sensible_threads", "usable_cores"]

MOST = 4  # threads per core of the machine; many more only take turns, and minutes to start
logger = logging.getLogger("xret")


def usable_cores() -> int:
    """The cores that this process may use; where that cannot be told, those of the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def sensible_threads(threads: int) -> int:
    """`threads`, at least 1 and at most 4 for each core of the machine; a cut is told once, as a warning."""
    most = MOST * (os.cpu_count() or 1)
    if threads > most:
        _warn(threads, most)
    return max(1, min(threads, most))


@cache
def _warn(threads: int, most: int) -> None:
    logger.warning("%s threads are more than help on %s cores; taking %s", f"{threads:,}", most // MOST, most)
