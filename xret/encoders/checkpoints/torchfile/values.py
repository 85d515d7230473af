"""What a torch checkpoint may be made of: a closed list of names, each with an inert stand-in of our own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["KNOWN", "STORAGES", "Name", "Ordered", "Record", "Refused", "Storage", "Tensor", "storage", "tensor"]

# Storage class -> NumPy type, little-endian; bfloat16 is read as the upper half of a float32.
STORAGES = {
    "torch.DoubleStorage": "<f8", "torch.FloatStorage": "<f4", "torch.HalfStorage": "<f2",
    "torch.BFloat16Storage": "<u2", "torch.LongStorage": "<i8", "torch.IntStorage": "<i4",
    "torch.ShortStorage": "<i2", "torch.CharStorage": "|i1", "torch.ByteStorage": "|u1", "torch.BoolStorage": "|b1",
}  # fmt: skip
_DIMENSIONS = 32  # NumPy 1's own limit
_HUGE = 1 << 62
_SCALARS = {"f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1"}


class Refused(Exception):
    """Something that a checkpoint of weights has no need of, or that is damaged; says what."""


@dataclass(frozen=True)
class Name:
    """A global of the closed list; nothing was imported for it."""

    name: str


class Ordered(dict[Any, Any]):
    """Stands for `collections.OrderedDict`."""


@dataclass
class Record:
    """Stands for an object that is only its fields: `argparse.Namespace`, `numpy.dtype`."""

    name: str
    fields: dict[str, Any] | None = None  # the file's own dictionary, not a copy: copies could be made to add up


@dataclass(frozen=True)
class Storage:
    """A run of numbers in the file, still to be found there."""

    kind: str  # of STORAGES
    key: str
    count: int  # elements


@dataclass(frozen=True)
class Tensor:
    """A strided view of a storage, all in elements; known to lie inside the storage."""

    storage: Storage
    offset: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]


def storage(key: Any, *, legacy: bool) -> Storage:
    """The storage that a persistent id means.

    Raises:
        Refused: any other shape of id than torch writes.
    """
    match key:
        case ("storage", Name(kind), str(name), str(), int(count)) if not legacy:
            pass
        case ("storage", Name(kind), str(name), str(), int(count), None) if legacy:
            pass
        case _:
            raise Refused("has a persistent id that is no storage of numbers")
    if kind not in STORAGES or not 0 <= count < _HUGE:
        raise Refused(f"has a storage of {count} elements of '{kind}'")
    return Storage(kind, name, count)


def tensor(source: Any, offset: Any, sizes: Any, strides: Any, *rest: Any) -> Tensor:
    """`torch._utils._rebuild_tensor_v2`: a view, checked to lie inside its storage.

    Raises:
        Refused: it reaches out of the storage, is larger than it, or carries hooks or metadata.
    """
    if not isinstance(source, Storage) or not _counts((offset,)) or not _counts(sizes) or not _counts(strides):
        raise Refused("has a tensor whose place or shape is not made of whole numbers")
    if len(sizes) != len(strides):
        raise Refused(f"has a tensor of {len(sizes)} sizes and {len(strides)} strides")
    if len(rest) > 3 or any(rest[1:]):
        raise Refused("has a tensor with hooks or metadata")
    total = 1
    for size in sizes:  # Python's integers do not overflow
        total *= size
    last = offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
    if total and (last >= source.count or total > source.count):
        raise Refused(f"has a tensor of shape {sizes} that reaches out of its storage of {source.count} elements")
    return Tensor(source, offset if total else 0, sizes, strides)


def _counts(values: Any) -> bool:
    return (
        isinstance(values, tuple)
        and len(values) <= _DIMENSIONS
        and all(type(value) is int and 0 <= value < _HUGE for value in values)
    )


def _parameter(data: Any, requires_grad: Any, hooks: Any) -> Tensor:
    if not isinstance(data, Tensor) or hooks:
        raise Refused("has a parameter that is no plain tensor, or has hooks")
    return data


def _size(values: Any) -> tuple[int, ...]:
    if not isinstance(values, tuple) or not _counts(values):
        raise Refused("has a torch.Size that is not made of whole numbers")
    return values


def _bytes(text: Any, coding: Any) -> bytes:
    # How NumPy writes a scalar's bytes in protocol 2; no longer, for a long one could be made again and again.
    if not isinstance(text, str) or len(text) > 16 or coding != "latin1":
        raise Refused("calls _codecs.encode on more than a scalar's bytes")
    return text.encode("latin-1")


def _dtype(kind: Any, align: Any, copy: Any) -> Record:
    if kind not in _SCALARS:
        raise Refused(f"has a NumPy type that is no plain number: {str(kind)[:20]!r}")
    return Record("numpy.dtype", {"kind": kind})


def _scalar(kind: Any, data: Any) -> float | int | bool:
    if not isinstance(kind, Record) or kind.name != "numpy.dtype" or kind.fields is None or not isinstance(data, bytes):
        raise Refused("has a NumPy scalar that is no plain number")
    dtype = np.dtype(kind.fields["kind"]).newbyteorder("<")
    if len(data) != dtype.itemsize:
        raise Refused("has a NumPy scalar with too many or too few bytes")
    value: float | int | bool = np.frombuffer(data, dtype)[0].item()
    return value


KNOWN: dict[str, Callable[..., Any] | None] = {
    **dict.fromkeys(STORAGES),  # named in persistent ids, never called
    "argparse.Namespace": None,  # made without arguments, then given fields
    "collections.OrderedDict": Ordered,
    "torch._utils._rebuild_tensor": tensor,
    "torch._utils._rebuild_tensor_v2": tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch.Size": _size,
    "_codecs.encode": _bytes,
    "numpy.dtype": _dtype,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
}
