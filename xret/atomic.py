"""Files and folders written under a temporary name before the rename: what has its name is complete."""

from __future__ import annotations

import glob
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from xret.errors import InputError
from xret.locks import locked, try_lock

__all__ = ["atomic_file", "atomic_folder", "real_place", "temporary_folder"]

YOUNG = 60.0  # seconds; a temporary file may be so young that its maker has not locked it yet
LINKS = 40  # followed before a chain of links counts as a circle


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A temporary path to write to; renamed over `path` on success, removed on failure.

    A link stays, and the file that it leads to is replaced. A device, a FIFO or an open file (``/dev/stdout``) stays
    too: on success, the bytes are copied into it. What a killed process left behind for the same `path` is removed.

    Raises:
        InputError: the folder of `path` does not exist or cannot be written, or the disk is full.
    """
    path = Path(path)
    place = real_place(path)
    if place is None:
        with _poured(path) as temporary:
            yield temporary
        return
    if place.is_dir():
        raise InputError(f"{path}: is a folder; give the name of a file to write")
    with _writable(path):
        handle, name = tempfile.mkstemp(prefix=_prefix(place), suffix=".part", dir=place.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        with locked(temporary), _written(path, temporary):
            _sweep(place)
            yield temporary
            _sync(temporary)
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, place)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """A temporary folder beside `path` to fill; renamed to `path` on success, removed on failure.

    What a killed process left behind for the same `path` is removed too.

    Args:
        path: the folder to make.
        replace: put the new folder in the place of one that is there, once it is complete; the caller answers for what
            that one held.

    Raises:
        InputError: `path` exists already (and is no folder to replace), its parent cannot be written, or the disk is
            full.
    """
    path = Path(path)
    if replace and path.is_dir():
        path = Path(os.path.realpath(path))
    elif os.path.lexists(path):
        raise InputError(f"{path}: exists already; remove it or choose another name")
    with _writable(path):
        temporary = Path(tempfile.mkdtemp(prefix=_prefix(path), suffix=".part", dir=path.parent))
    try:
        with locked(temporary), _written(path, temporary):
            _sweep(path)
            yield temporary
            os.chmod(temporary, 0o777 & ~_umask())
            if replace and path.exists():
                _swap(temporary, path)
            elif os.path.lexists(path):
                raise InputError(f"{path}: was made by somebody else meanwhile; choose another name")
            else:
                os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def temporary_folder(beside: Path | None = None) -> Iterator[Path]:
    """A folder for what is large and not kept; removed in the end, and by the next one when this process is killed.

    Args:
        beside: an output, on whose disk there must be room; None, or an output that is no file (``/dev/stdout``), takes
            the system's folder for temporary files, which is often in memory.

    Raises:
        InputError: the folder of `beside` does not exist or cannot be written.
    """
    place = None if beside is None else real_place(Path(beside))
    place = place or Path(tempfile.gettempdir(), "xret")
    with _writable(place if beside is None else Path(beside)):
        folder = Path(tempfile.mkdtemp(prefix=_prefix(place), suffix=".part", dir=place.parent))
    owner = os.getpid()
    try:
        with locked(folder):
            _sweep(place)
            yield folder
    finally:
        if os.getpid() == owner:  # not when a forked child comes by here
            shutil.rmtree(folder, ignore_errors=True)


def real_place(path: Path) -> Path | None:
    """What writing to `path` replaces: the end of a link, else `path`; None for a device, a FIFO or an open file.

    Raises:
        InputError: a link that leads back to itself.
    """
    if _open_file(path) is not None or (path.exists() and not path.is_file() and not path.is_dir()):
        return None
    if not path.is_symlink():
        return path
    place = Path(os.path.realpath(path))
    if place.is_symlink():
        raise InputError(f"{path}: is a link that leads back to itself; remove it or choose another name")
    return place


def _open_file(path: Path) -> int | None:
    """The number of the open file that `path` stands for, if it does: ``/dev/stdout``, ``/dev/fd/63``."""
    for _ in range(LINKS):
        folder = os.path.realpath(path.parent)
        if re.fullmatch(rf"/dev/fd|/proc/{os.getpid()}(/task/\d+)?/fd", folder) and path.name.isdigit():
            return int(path.name)
        if not path.is_symlink():
            break
        path = Path(folder, os.readlink(path))
    return None


@contextmanager
def _poured(path: Path) -> Iterator[Path]:
    """A temporary path, whose bytes go into the device, FIFO or open file `path` in the end."""
    with temporary_folder() as folder:
        temporary = folder / "bytes"
        temporary.touch()
        with _written(path, temporary):
            yield temporary
        number = _open_file(path)
        try:
            # A copy of the open file, not a second opening: that would begin at its start, or cut it off.
            handle = os.open(path, os.O_WRONLY) if number is None else os.dup(number)
            with open(temporary, "rb") as source, os.fdopen(handle, "wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
        except BrokenPipeError:  # the reader has gone: no failure, and seen to further up
            raise
        except OSError as error:
            raise InputError(f"{path}: cannot write into it ({error.strerror}); choose another place") from error


def _swap(new: Path, path: Path) -> None:
    """Rename `new` to `path`, and remove what was there: the old is whole until the new is in its place."""
    aside = Path(tempfile.mkdtemp(prefix=_prefix(path), suffix=".part", dir=path.parent))
    old = aside / path.name
    try:
        os.replace(path, old)
        os.replace(new, path)
    except BaseException:
        if old.exists() and not path.exists():
            os.replace(old, path)
        aside.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _prefix(path: Path) -> str:
    return f".{path.name[:80]}."


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot write here ({error.strerror}); give an existing, writable folder") from error


@contextmanager
def _written(path: Path, temporary: Path) -> Iterator[None]:
    """Say of a failure to write `temporary` what it means for `path`; other files' failures are left alone."""
    try:
        yield
    except OSError as error:
        full = str(error).startswith("Not enough free space")  # NumPy's, which has no number
        reason = error.strerror or ("no space left" if full else "")
        if not reason or not str(error.filename or temporary).startswith(str(temporary)):
            raise
        raise InputError(f"{path}: writing failed ({reason}); free some space or choose another place") from error


def _sweep(path: Path) -> None:
    """Remove what killed processes left of earlier tries at `path`: their locks went with them."""
    for left in path.parent.glob(f"{glob.escape(_prefix(path))}*.part"):
        with suppress(OSError):
            handle = os.open(left, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            try:
                if try_lock(handle) and time.time() - left.stat().st_mtime > YOUNG:
                    shutil.rmtree(left) if left.is_dir() else left.unlink()
            finally:
                os.close(handle)


def _sync(path: Path) -> None:
    if path.is_file():
        with open(path, "rb") as stream:
            os.fsync(stream.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
