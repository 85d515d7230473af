"""Artifacts on disk: content hashes, manifests, and writing under a temporary name before the rename."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from xret.errors import InputError

__all__ = [
    "MANIFEST",
    "atomic_file",
    "atomic_folder",
    "canonical",
    "digest",
    "file_hash",
    "read_manifest",
    "write_manifest",
]

MANIFEST = "manifest.json"
YOUNG = 60.0  # seconds; a temporary file may be so young that its maker has not locked it yet

try:
    import fcntl
except ImportError:  # Windows: nothing is locked, and nothing swept
    fcntl = None  # type: ignore[assignment]


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces: equal values give equal strings, so it can be hashed."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)


def digest(*parts: object) -> str:
    """SHA-256 (64 hex characters) of values, each rendered by `canonical`; bytes are hashed as they are."""
    state = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else canonical(part).encode()
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 (64 hex characters) of a file's bytes, read in blocks of 1 MiB."""
    state = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            state.update(block)
    return state.hexdigest()


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; renamed over `path` on success, removed on failure.

    What a killed process left behind for the same `path` is removed too.

    Raises:
        InputError: the folder of `path` does not exist or cannot be written, or the disk is full.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the name of a file to write")
    with _writable(path):
        handle, name = tempfile.mkstemp(prefix=_prefix(path), suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        with _locked(temporary, path), _written(path, temporary):
            yield temporary
            _sync(temporary)
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` to fill; renamed to `path` on success, removed on failure.

    What a killed process left behind for the same `path` is removed too.

    Raises:
        InputError: `path` exists already, its parent cannot be written, or the disk is full.
    """
    path = Path(path)
    if path.exists():
        raise InputError(f"{path}: exists already; remove it or choose another name")
    with _writable(path):
        temporary = Path(tempfile.mkdtemp(prefix=_prefix(path), suffix=".part", dir=path.parent))
    try:
        with _locked(temporary, path), _written(path, temporary):
            yield temporary
            os.chmod(temporary, 0o777 & ~_umask())
            os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_manifest(folder: Path, fields: Mapping[str, Any]) -> None:
    """Write `manifest.json` into `folder`, atomically, with sorted keys."""
    with atomic_file(Path(folder) / MANIFEST) as temporary:
        temporary.write_text(json.dumps(fields, indent=1, sort_keys=True, ensure_ascii=False, default=str) + "\n")


def read_manifest(folder: Path, *, kind: str) -> dict[str, Any]:
    """The manifest of an artifact folder, checked to be of `kind` (``"vectors"``, ``"index"``, …).

    Raises:
        InputError: no such folder, no manifest in it, broken JSON, or another kind of artifact.
    """
    folder = Path(folder)
    path = folder / MANIFEST
    if not folder.exists():
        raise InputError(f"{folder}: no such folder; wanted {_a(kind)} made by xret")
    if not path.is_file():
        raise InputError(f"{folder}: has no {MANIFEST}, so it is not {_a(kind)} made by xret (or was interrupted)")
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: broken JSON ({error}); make the artifact again") from error
    if not isinstance(fields, dict) or fields.get("kind") != kind:
        found = fields.get("kind") if isinstance(fields, dict) else type(fields).__name__
        raise InputError(f"{folder}: holds '{found}', wanted {_a(kind)}")
    return fields


def _a(kind: str) -> str:
    return f"an {kind} folder" if kind[0] in "aeiou" else f"a {kind} folder"


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
        if error.errno is None or not str(error.filename or temporary).startswith(str(temporary)):
            raise
        raise InputError(
            f"{path}: writing failed ({error.strerror}); free some space or choose another place"
        ) from error


@contextmanager
def _locked(temporary: Path, path: Path) -> Iterator[None]:
    """Hold a lock on a temporary file or folder for as long as it is written: it tells `_sweep` that somebody lives."""
    if not fcntl:
        yield
        return
    handle = os.open(temporary, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _sweep(path)
        yield
    finally:
        os.close(handle)


def _sweep(path: Path) -> None:
    """Remove what killed processes left of earlier tries at `path`: their locks went with them."""
    for left in path.parent.glob(f"{glob.escape(_prefix(path))}*.part"):
        with suppress(OSError):
            handle = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if time.time() - left.stat().st_mtime > YOUNG:
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
