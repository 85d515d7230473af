"""Reads tensors from torch checkpoints (``pytorch_model.bin``, ``*.pt``) without torch, and without running anything.

A torch checkpoint is a pickle, and a pickle is a program: unpickling a file means running what its author wrote. Here
that cannot happen, for four reasons.

* Python's unpickler is not used. A machine of our own (`machine`) knows the thirty-odd opcodes with which state dicts
  are written; any other opcode is refused by name.
* It cannot import, look up attributes or call what a file names. A name is compared with a closed list (`values.KNOWN`)
  of functions of our own that check their arguments and build plain data; any other name is refused.
* Every tensor is checked, in Python's unbounded integers, to lie inside its storage and to be no larger than it, and
  every storage to lie inside the file; arrays are read-only views of the memory-mapped file.
* Nothing is decompressed, and nothing can grow: steps, pickle size, depth and nesting are bounded, and no operation
  copies what an earlier one made.

Whatever is not as torch writes it becomes one `ModelError` that names the file and what was found. Forms: the zip file
of torch 1.6 and later (https://docs.pytorch.org/docs/stable/notes/serialization.html), and the five pickles before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.checkpoints.torchfile.containers import Opened, form, open_legacy, open_zip
from xret.encoders.checkpoints.torchfile.values import STORAGES, Record, Refused, Tensor
from xret.errors import ModelError

__all__ = ["Loaded", "is_torch", "load_torch"]

_DEPTH, _VALUES, _PATH = 40, 1_000_000, 2000


@dataclass(frozen=True)
class Loaded:
    """What a checkpoint holds."""

    tensors: Mapping[str, NDArray[Any]]  # read-only; a nested dictionary's keys are joined with dots
    brain: frozenset[str]  # the tensors that are bfloat16: their arrays hold its 16 bits as uint16
    extra: Any  # everything else, nested as in the file; records such as argparse.Namespace as dictionaries


def is_torch(path: Path) -> bool:
    """Whether a file begins like a torch checkpoint, whatever it is called.

    Raises:
        OSError: it cannot be read.
    """
    return form(path) is not None


def load_torch(path: Path) -> Loaded:
    """Read a checkpoint; tensors stay in the file until they are looked at.

    Raises:
        ModelError: the file is damaged, no torch checkpoint, or holds anything but tensors and plain data.
    """
    try:
        kind = form(path)
        if kind is None:
            raise Refused("is no torch checkpoint")
        opened = open_zip(path) if kind == "zip" else open_legacy(path)
        return _sorted_out(opened)
    except Refused as error:
        raise ModelError(f"{path}: {error}; fetch the file again, or use another that holds weights only") from error
    except Exception as error:  # damaged bytes: zipfile, pickletools and the machine's stack each have many errors
        reason = str(error).partition("\n")[0][:100] or type(error).__name__
        raise ModelError(f"{path}: cannot be read as a torch checkpoint ({reason}); fetch the file again") from error


def _sorted_out(opened: Opened) -> Loaded:
    walk = _Walk()
    extra = walk(opened.content, "", 0)
    if not walk.tensors:
        raise Refused("holds no tensors")
    brain = frozenset(n for n, tensor in walk.tensors.items() if tensor.storage.kind == "torch.BFloat16Storage")
    return Loaded({name: _array(opened, tensor) for name, tensor in walk.tensors.items()}, brain, extra)


class _Walk:
    """Parts tensors from the rest."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.left = _VALUES  # a list that holds another twice, and so on, has few parts and no end of paths

    def __call__(self, value: Any, path: str, depth: int) -> Any:
        self.left -= 1
        if depth > _DEPTH or self.left < 0 or len(path) > _PATH:
            raise Refused("is nested too deeply, or named too long, for a checkpoint")
        if isinstance(value, Tensor):
            if path in self.tensors:
                raise Refused(f"has two tensors called {path[:80]!r}")
            self.tensors[path] = value
        elif isinstance(value, Record):
            return self(value.fields or {}, path, depth + 1)
        elif isinstance(value, dict):
            rest = {k: self(v, f"{path}.{k}" if path else str(k), depth + 1) for k, v in value.items()}
            return {key: rest[key] for key, inner in value.items() if not isinstance(inner, Tensor)}
        elif isinstance(value, (list, tuple)):
            rows = [self(inner, f"{path}.{i}" if path else str(i), depth + 1) for i, inner in enumerate(value)]
            return rows if isinstance(value, list) else (*rows,)
        elif value is None or isinstance(value, (str, int, float, bytes)):
            return value
        else:
            raise Refused("holds something that is neither a tensor nor plain data")
        return None


def _array(opened: Opened, tensor: Tensor) -> NDArray[Any]:
    stored = tensor.storage
    kind = np.dtype(STORAGES[stored.kind])
    start, stop = opened.places.get(stored.key, (0, -1))
    if stop - start < stored.count * kind.itemsize:
        raise Refused(f"is truncated: storage {stored.key[:40]!r} has fewer than {stored.count} numbers")
    array: NDArray[Any] = np.ndarray(
        tensor.sizes,
        kind.newbyteorder(">") if opened.swapped else kind,
        buffer=opened.data[start:stop],
        offset=tensor.offset * kind.itemsize,
        strides=[stride * kind.itemsize for stride in tensor.strides],
    )
    return array
