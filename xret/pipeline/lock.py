"""One process at a time works on a result: locks beside the sub-folders of a work folder."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xret.locks import take_lock, try_lock

__all__ = ["only_one"]

log = logging.getLogger("xret")


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold the lock of the result at `home`; while another process has it, say which, and wait.

    The lock is the file ``.NAME.lock`` beside `home`, and goes with the process: one that was killed holds nothing. It
    is never removed, because another process may just have opened it. Where nothing can be locked, nobody waits.
    """
    handle = os.open(home.with_name(f".{home.name}.lock"), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if try_lock(handle) is False:
            holder = os.pread(handle, 200, 0).decode(errors="replace").strip() or "another process"
            log.warning("%s: %s is computing this; waiting for it", home, holder)
            take_lock(handle)
        os.ftruncate(handle, 0)
        os.write(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        yield
    finally:
        os.close(handle)
