"""One process at a time writes a store: the lock is on ``OUT.partial`` itself, and leaves nothing behind."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xret.errors import InputError
from xret.locks import take_lock, try_lock

__all__ = ["alone"]

logger = logging.getLogger("xret")


@contextmanager
def alone(out: Path, *, wait: bool) -> Iterator[bool]:
    """Make ``OUT.partial`` if it is not there, and keep other processes from writing in it meanwhile.

    Args:
        out: the folder that it will be.
        wait: for another process that is at it, which goes with its lock when it is killed; else refuse.

    Yields:
        False where `out` is there by now, and nothing is to be written.

    Raises:
        InputError: another process is writing it; or it cannot be written here.
    """
    partial = out.with_name(out.name + ".partial")
    while not out.exists():
        try:
            partial.mkdir(exist_ok=True)
            handle = os.open(partial, os.O_RDONLY)
        except PermissionError as error:
            if os.name == "nt" and partial.is_dir():  # no folder can be opened there, and nothing is locked
                yield True
                return
            raise _unwritable(out, error) from error
        except FileNotFoundError as error:
            if not out.parent.is_dir():
                raise _unwritable(out, error) from error
            continue  # it got its name, or was removed, this very moment
        except OSError as error:
            raise _unwritable(out, error) from error
        try:
            if try_lock(handle) is False:
                if not wait:
                    raise InputError(f"{partial}: another process is writing it; wait for it, or choose another name")
                logger.warning("%s: another process is writing it; waiting for it", partial)
                take_lock(handle)
            if _is(partial, handle):
                yield True
                return
        finally:
            os.close(handle)
    yield False


def _is(folder: Path, handle: int) -> bool:
    """Whether the folder is still the one that was opened."""
    try:
        return os.path.samestat(folder.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _unwritable(out: Path, error: OSError) -> InputError:
    return InputError(f"{out}: cannot write here ({error.strerror}); give an existing, writable folder")
