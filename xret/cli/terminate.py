"""SIGTERM that unwinds, so that temporary files are removed."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["terminable"]

NUDGE = 0.1  # seconds between two tries to interrupt the main thread
GRACE = 10.0  # seconds to unwind in, library calls that cannot be interrupted included; then it ends as it is

_here: list[int] = []  # the process that is within `terminable`: forked children are not
_masks: list[set[int]] = []  # the signals that a thread had blocked before it forked


@contextmanager
def terminable() -> Iterator[None]:
    """Turn SIGTERM into SystemExit(143) for the code within.

    A handler in Python runs between two steps of the main thread. A signal that comes just before that thread blocks
    (in a read from a pipe, say) would be noticed only when the read ends: therefore a second thread, which the signal
    wakes, repeats it until it is noticed. A handler that is there already stays, and nothing is done then.
    """
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if not ours or sys.platform == "win32":
        yield
        return
    told: list[int] = []

    def terminate(number: int, _: FrameType | None) -> None:
        if not told:  # a repetition must not interrupt the unwinding
            told.append(number)
            raise SystemExit(128 + number)

    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    watch = threading.Thread(target=_watch, args=(reader, told, threading.get_ident()), daemon=True)
    watch.start()
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    _here.append(os.getpid())
    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        if _here:
            _here.clear()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.set_wakeup_fd(before)
            os.close(writer)
            watch.join()


def _watch(reader: int, told: list[int], main: int) -> None:
    """Wait for the number of a signal, or for the end; see to it that SIGTERM is noticed."""
    seen, limit = False, 0.0
    while select.select([reader], [], [], NUDGE if seen else None)[0] or seen:
        if select.select([reader], [], [], 0)[0]:
            numbers = os.read(reader, 64)
            if not numbers:  # closed
                break
            if signal.SIGTERM in numbers and not seen:
                seen, limit = True, time.monotonic() + GRACE
        if seen and time.monotonic() > limit:
            os._exit(128 + signal.SIGTERM)
        if seen and not told:
            signal.pthread_kill(main, signal.SIGTERM)
            time.sleep(NUDGE)
    os.close(reader)


def _before_fork() -> None:
    if _here:
        _masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]))


def _in_parent() -> None:
    if _masks:
        signal.pthread_sigmask(signal.SIG_SETMASK, _masks.pop())


def _in_child() -> None:
    """A forked child has no second thread, and its signals must not wake that of the parent."""
    if _here:
        _here.clear()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _in_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)
