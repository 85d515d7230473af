"""Locks on files and folders that tell the living from the dead: they go with the process that holds them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: nothing is locked
    fcntl = None  # type: ignore[assignment]

__all__ = ["locked", "take_lock", "try_lock"]


def try_lock(handle: int) -> bool | None:
    """Lock an open file or folder; False when somebody else holds it, None where nothing can be locked."""
    if not fcntl:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return None
    return True


def take_lock(handle: int) -> None:
    """Lock an open file, waiting for it; nothing where nothing can be locked."""
    if fcntl:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock on a file or folder that nobody else locks, for as long as it is in use."""
    if not fcntl:  # Windows cannot open a folder either
        yield
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        try_lock(handle)
        yield
    finally:
        os.close(handle)
