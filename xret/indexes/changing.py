"""What folders of indexes have in common: read while others change them, changed wholly or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from xret.artifact import MANIFEST
from xret.errors import InputError

__all__ = ["see_file", "steadily", "whole_or_not"]

Found = TypeVar("Found")


def steadily(folder: Path, read: Callable[[], Found]) -> Found:
    """What `read` gives, while other processes may be changing the index.

    Files that an old manifest names go away when a change is complete. So a failure counts only if the manifest is
    still the one that was there before; if it was replaced meanwhile, everything is read once more.

    Raises:
        InputError: what `read` raises.
    """
    before = _stamp(folder)
    try:
        return read()
    except (InputError, FileNotFoundError):
        if _stamp(folder) == before:
            raise
    return read()


def see_file(path: Path, size: int) -> None:
    """Look whether a file that a manifest names is there, and as long as it says.

    Raises:
        InputError: it is not.
    """
    if not path.is_file():
        raise InputError(f"{path}: missing from the index; build the index again")
    found = path.stat().st_size
    if found != size:
        raise InputError(
            f"{path}: has {found:,} bytes, wanted {size:,} (truncated or overwritten); build the index again"
        )


@contextmanager
def whole_or_not(folder: Path, clean: Callable[[], None]) -> Iterator[None]:
    """Give back the room that a half change took, and say of a failure to write what it means for the index.

    Args:
        folder: of the index.
        clean: removes what its manifest does not name.

    Raises:
        InputError: writing failed.
    """
    before = _stamp(folder)
    try:
        yield
    except BaseException as error:
        with suppress(OSError):
            if _stamp(folder) == before:  # else the change was made, and what `clean` would remove is needed
                clean()
        if not isinstance(error, OSError):
            raise
        raise InputError(
            f"{folder}: cannot be changed ({error.strerror or error}) and stays as it was; free some space, or make "
            "the folder writable, and try again"
        ) from error


def _stamp(folder: Path) -> tuple[int, ...] | None:
    """What changes with every replacement of the manifest."""
    try:
        found = os.stat(folder / MANIFEST)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
