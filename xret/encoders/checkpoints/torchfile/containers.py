"""Where a torch file keeps its pickle and its numbers: the zip form (torch 1.6 on) and the form before it.

Nothing is unpacked: only entries stored as they are get read, in place.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.checkpoints.torchfile.machine import run
from xret.encoders.checkpoints.torchfile.values import STORAGES, Refused, Storage

__all__ = ["Opened", "form", "open_legacy", "open_zip"]

_PICKLE_LIMIT = 64 << 20  # bytes
_ENTRIES, _LIST_LIMIT = 200_000, 32 << 20  # in a zip file, and bytes of its list of them
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_LEGACY_START = b"\x8a\x0a" + _MAGIC.to_bytes(10, "little")  # behind the two bytes that tell the pickle's protocol


@dataclass(frozen=True)
class Opened:
    """A file's data, and where the numbers of its storages lie."""

    content: Any
    data: NDArray[np.uint8]  # the whole file, memory-mapped
    places: Mapping[str, tuple[int, int]]  # storage key -> first byte and the one behind the last
    swapped: bool  # whether numbers are big-endian


def form(path: Path) -> str | None:
    """``zip`` or ``legacy`` by the first bytes of a file; None where it is no torch file.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as stream:
        start = stream.read(16)
    if start.startswith(b"PK\x03\x04"):
        return "zip"
    return "legacy" if start[:1] == b"\x80" and start[2:].startswith(_LEGACY_START) else None


def open_zip(path: Path) -> Opened:
    """Read a torch zip file.

    Raises:
        Refused: entries that torch does not write, compressed ones, or a pickle that is refused.
        Exception: `zipfile` fails on damaged bytes in many ways.
    """
    data = np.memmap(path, mode="r", dtype=np.uint8)
    with _Careful(path) as stream, zipfile.ZipFile(stream) as archive:
        entries = archive.infolist()
    places: dict[str, tuple[int, int]] = {}
    if len(entries) > _ENTRIES:
        raise Refused(f"has more than {_ENTRIES:,} entries")
    if any(entry.filename.endswith("/constants.pkl") for entry in entries):
        raise Refused("is a TorchScript program; wanted a state dict")
    for entry in entries:
        name = entry.filename
        if name in places or "\\" in name or any(part in ("", "..") for part in name.split("/")):
            raise Refused(f"has the entry {name[:80]!r}, which torch does not write")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 or entry.file_size != entry.compress_size:
            raise Refused(f"has the compressed entry {name[:80]!r}; torch stores them as they are")
        places[name] = _place(data, entry)
    return _archive(data, places)


class _Careful(io.FileIO):
    """A file that is not read whole because a number in it says so."""

    def read(self, size: int | None = -1, /) -> Any:
        if size is not None and size > _LIST_LIMIT:
            raise Refused(f"has a list of entries of {size:,} bytes")
        return super().read(size)


def _place(data: NDArray[np.uint8], entry: zipfile.ZipInfo) -> tuple[int, int]:
    header = data[entry.header_offset : entry.header_offset + 30].tobytes()
    if len(header) < 30 or not header.startswith(b"PK\x03\x04"):
        raise Refused("is damaged: an entry is not where the list of entries says")
    start = entry.header_offset + 30 + sum(int.from_bytes(header[at : at + 2], "little") for at in (26, 28))
    if start + entry.file_size > len(data):
        raise Refused("is truncated: an entry goes on behind the end")
    return start, start + entry.file_size


def _archive(data: NDArray[np.uint8], places: dict[str, tuple[int, int]]) -> Opened:
    roots = [name.removesuffix("data.pkl") for name in places if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(roots) != 1:
        raise Refused("has no data.pkl: a zip file, but not a checkpoint of torch")
    root = roots[0]
    start, stop = places[f"{root}data.pkl"]
    if stop - start > _PICKLE_LIMIT:
        raise Refused(f"has a pickle of {stop - start:,} bytes; weights need less than {_PICKLE_LIMIT:,}")
    order = data[slice(*places.get(f"{root}byteorder", (0, 0)))].tobytes()
    if order not in (b"", b"little", b"big"):
        raise Refused("has an unknown byte order")
    content = run(io.BytesIO(data[start:stop].tobytes()))
    numbers = {name.removeprefix(f"{root}data/"): place for name, place in places.items()}
    return Opened(content, data, numbers, swapped=order == b"big")


def open_legacy(path: Path) -> Opened:
    """Read a torch file from before torch 1.6: five pickles, then each storage's length and numbers.

    Raises:
        Refused: as `open_zip`.
        Exception: as `open_zip`.
    """
    data = np.memmap(path, mode="r", dtype=np.uint8)
    stream = io.BytesIO(data[:_PICKLE_LIMIT].tobytes())
    if run(stream) != _MAGIC or run(stream) != _PROTOCOL:
        raise Refused("has an unknown version of torch's old file form")
    system = run(stream)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise Refused("was written on a big-endian machine in torch's old file form")
    storages: dict[str, Storage] = {}
    content, keys = run(stream, legacy=storages), run(stream)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise Refused("is damaged: the list of its storages is not one of names")
    return Opened(content, data, _follow(data, stream.tell(), keys, storages), swapped=False)


def _follow(
    data: NDArray[np.uint8], start: int, keys: list[str], storages: dict[str, Storage]
) -> dict[str, tuple[int, int]]:
    places: dict[str, tuple[int, int]] = {}
    for key in keys:
        if key not in storages:
            raise Refused("has a storage that no tensor uses, and so of unknown type")
        count, start = int.from_bytes(data[start : start + 8].tobytes(), "little"), start + 8
        stop = start + count * np.dtype(STORAGES[storages[key].kind]).itemsize
        if stop > len(data):
            raise Refused("is truncated: a storage goes on behind the end")
        places[key] = (start, stop)
        start = stop
    return places
