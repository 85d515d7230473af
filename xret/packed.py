"""Text files that may be packed (``.gz``, ``.zst``): one rule for names, unpacking and the byte order mark."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from xret.errors import InputError

__all__ = ["PACKED", "existing", "label_of", "packing", "plain_suffix", "read_bytes", "stdin_bytes", "written"]

PACKED = {".gz": "gzip", ".zst": "zstd"}
BOM = b"\xef\xbb\xbf"  # what some Windows programs begin a UTF-8 file with; no part of its first word


def packing(path: str | Path) -> str | None:
    """``gzip``, ``zstd`` or None, by the end of a name in upper or lower case."""
    return PACKED.get(Path(path).suffix.lower())


def plain_suffix(path: str | Path) -> str:
    """The suffix that tells the format, in lower case: ``.tsv`` of ``P.TSV.GZ``."""
    name = Path(path).stem if packing(path) else Path(path).name
    return Path(name).suffix.lower()


def label_of(source: str | Path) -> str:
    """What a source is called in messages."""
    return "<stdin>" if str(source) == "-" else str(source)


def stdin_bytes(*, error: type[InputError] = InputError) -> IO[bytes]:
    """The bytes of stdin.

    Raises:
        InputError: (or the subclass `error`) it is closed (``<&-``).
    """
    if sys.stdin is None:
        raise error("<stdin>: is closed; pipe something into it, or give the name of a file")
    return sys.stdin.buffer


def existing(source: str | Path, *, what: str, error: type[InputError] = InputError) -> Path:
    """The path of what can be opened to read `what`.

    Raises:
        InputError: (or the subclass `error`) there is nothing, or a folder.
    """
    path = Path(source)
    if path.is_dir() or not path.exists():
        raise error(f"{path}: {'is a folder, not a file' if path.is_dir() else 'no such file'}; wanted {what}")
    return path


def read_bytes(source: str | Path, *, what: str, error: type[InputError] = InputError) -> bytes:
    """All bytes of a text file (``-``: stdin), unpacked if its name says so, without a byte order mark.

    Raises:
        InputError: (or the subclass `error`) missing, unreadable, truncated or not packed as its name says.
    """
    if str(source) == "-":
        return stdin_bytes(error=error).read().removeprefix(BOM)
    path = existing(source, what=what, error=error)
    kind = packing(path)
    try:
        data = path.read_bytes()
        if kind and data:
            data = bytes(pa.CompressedInputStream(pa.BufferReader(data), kind).read())
    except (OSError, pa.ArrowInvalid) as problem:
        reason = getattr(problem, "strerror", None)
        if reason or not kind:
            raise error(
                f"{path}: cannot be read ({reason or problem}); check the file and its permissions"
            ) from problem
        raise error(
            f"{path}: cannot be unpacked ({problem}); the file is truncated or is not {kind}, make it again"
        ) from problem
    return data.removeprefix(BOM)


@contextmanager
def written(path: Path, kind: str | None) -> Iterator[IO[bytes]]:
    """A binary stream that writes `path` anew, packed as ``gzip`` or ``zstd`` or not at all; no clock in the bytes."""
    with open(path, "wb") as raw:
        if kind == "gzip":
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
                yield cast(IO[bytes], packed)
        elif kind == "zstd":
            stream: Any
            with pa.CompressedOutputStream(pa.PythonFile(raw), "zstd") as stream:
                yield stream
        else:
            yield raw
