"""The tensors of a checkpoint without torch: names, shapes and memory-mapped NumPy arrays.

Formats: safetensors, https://github.com/huggingface/safetensors#format (8-byte little-endian header length, JSON
header, raw data), and torch's own through `xret.encoders.checkpoints.torchfile`; a file's first bytes tell which it is.
bfloat16, which NumPy lacks, is widened to float32 on reading.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.checkpoints.torchfile import is_torch, load_torch
from xret.errors import ModelError

__all__ = ["Weights", "weight_files"]

_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1",
}  # fmt: skip
_NAMES_OF = {kind[-2:]: name for name, kind in _TYPES.items() if name != "BF16"} | {"b1": "BOOL"}
_HEADER_LIMIT = 100_000_000  # the reference implementation's own
_NAMES = ("model.safetensors", "pytorch_model.bin")  # in order of preference
_FORMER = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}  # BERTs turned from TensorFlow


class Weights:
    """The tensors of a checkpoint by name; remembers which were used, so that what is left over can be refused."""

    def __init__(self, files: Iterable[Path]) -> None:
        """Open the files.

        Raises:
            ModelError: a file is missing, truncated, in neither format, or holds more than weights.
        """
        self._arrays: dict[str, NDArray[Any]] = {}
        self._brain: set[str] = set()
        self.used: set[str] = set()
        self.source = ""
        for path in files:
            self.source = self.source or str(path)
            self._open(path)

    def _open(self, path: Path) -> None:
        try:
            if is_torch(path) or path.suffix in (".bin", ".pt"):
                return self._open_torch(path)
            data = np.memmap(path, mode="r", dtype=np.uint8)
            size = int.from_bytes(data[:8].tobytes(), "little")
            if not 2 <= size <= min(_HEADER_LIMIT, len(data) - 8):
                raise ValueError("the header is cut off")
            header = json.loads(data[8 : 8 + size].tobytes())
            header.pop("__metadata__", None)
            for name, entry in header.items():
                self._arrays[name] = self._tensor(name, entry, data[8 + size :])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
            raise ModelError(f"{path}: cannot be read as safetensors ({error}); fetch the file again") from error

    def _open_torch(self, path: Path) -> None:
        loaded = load_torch(path)
        for name, array in loaded.tensors.items():
            former = next((end for end in _FORMER if name.endswith(end)), "")
            today = name.removesuffix(former) + _FORMER[former] if former else name
            self._arrays[today] = array
            if name in loaded.brain:
                self._brain.add(today)

    def _tensor(self, name: str, entry: dict[str, Any], data: NDArray[np.uint8]) -> NDArray[Any]:
        start, stop = entry["data_offsets"]
        kind = np.dtype(_TYPES[entry["dtype"]])
        shape = tuple(entry["shape"])
        if not 0 <= start <= stop <= len(data) or stop - start != kind.itemsize * int(np.prod(shape, dtype=np.int64)):
            raise ValueError(f"tensor '{name}' lies outside the file: it is truncated")
        if entry["dtype"] == "BF16":
            self._brain.add(name)
        return data[start:stop].view(kind).reshape(shape)

    def names(self) -> list[str]:
        """All tensor names, sorted."""
        return sorted(self._arrays)

    def origin(self, name: str) -> str:
        """Whose a tensor is, for messages: the file, or what else it came from."""
        return self.source

    def __contains__(self, name: str) -> bool:
        """Whether a tensor of that name exists."""
        return name in self._arrays

    def stored(self, name: str) -> tuple[str, NDArray[Any]]:
        """Safetensors' name of a tensor's type, and its values as they lie in the file (bfloat16 as uint16)."""
        array = self._arrays[name]
        return ("BF16" if name in self._brain else _NAMES_OF[array.dtype.newbyteorder("<").str[-2:]]), array

    def raw(self, name: str) -> NDArray[Any]:
        """A tensor in its stored dtype (bfloat16 as float32), read-only, memory-mapped where possible.

        Raises:
            ModelError: no such tensor.
        """
        if name not in self._arrays:
            raise ModelError(f"{self.origin(name)}: has no tensor '{name}'; the weights do not fit config.json")
        self.used.add(name)
        array = self._arrays[name]
        if name in self._brain:
            return np.asarray(array.astype("<u4") << 16, "<u4").view("<f4")
        return array

    def get(self, name: str, *shape: int) -> NDArray[np.float32]:
        """A tensor as float32, its shape checked when `shape` is given.

        Raises:
            ModelError: no such tensor, another shape, or values that are not finite.
        """
        array = self.raw(name)
        if shape and array.shape != shape:
            raise ModelError(f"{self.origin(name)}: tensor '{name}' is {array.shape}, config.json wants {shape}")
        values = np.asarray(array, dtype=np.float32)
        if values.size and not (np.isfinite(values.min()) and np.isfinite(values.max())):  # NaN is its own extreme
            raise ModelError(
                f"{self.origin(name)}: tensor '{name}' holds values that are no numbers; fetch the file again"
            )
        return values


def weight_files(folder: Path) -> list[Path]:
    """The files of a folder that hold its weights: safetensors if there are any, else torch's.

    Either is one file (``model.safetensors``, ``pytorch_model.bin``) or the shards that its ``.index.json`` names.

    Raises:
        ModelError: there are none.
    """
    for name in _NAMES:
        single, index = folder / name, folder / f"{name}.index.json"
        if single.is_file():
            return [single]
        if index.is_file():
            return _shards(index)
    raise ModelError(f"{folder}: has no {' and no '.join(_NAMES)}; give a complete model folder")


def _shards(index: Path) -> list[Path]:
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        files = sorted({Path(name).name for name in names})
        if not files or not all(0 < len(name) < 200 for name in files):
            raise ValueError("names no files")
        return [index.parent / name for name in files]
    except (RecursionError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ModelError(f"{index}: broken index ({error}); fetch the file again") from error
