"""Candidates picked where the product is computed: on a GPU, only the best few of each row and column come back."""

from __future__ import annotations

import importlib.util
import threading
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.errors import DeviceError, require
from xret.indexes.twoway.filters.blocks import Block, Meeting
from xret.indexes.twoway.filters.similarity import single_error
from xret.indexes.twoway.topk import Bar, Entries

__all__ = ["DEVICE_BLOCKS", "DeviceFilter", "search_device"]

DEVICE_BLOCKS = 4096, 32_768
"""Rows and columns compared at once: 0.5 GB of float16 on the GPU, in both directions."""
_PAIRS = 10**9  # from here on ``auto`` takes a GPU; what is smaller takes seconds anyway
_SLICE = 256  # rows looked through on the CPU at a time
# Both unit vectors rounded to float16 are off by 2^-11 of their length at most, and a cosine by 2^-12; half as much
# again, for the sums in float32 and for coordinates that float16 holds as subnormal numbers.
_HALF = 1.5 * (2 * 2.0**-11 + 2.0**-12)


def search_device(device: str, pairs: int) -> str:
    """Where to search: ``cpu``, ``cuda`` or ``cuda:N``.

    Args:
        device: what was asked for; ``auto`` takes CUDA where it works, for 10^9 pairs or more.
        pairs: to compare.

    Raises:
        DeviceError: CUDA was asked for and cannot be used; the message names what is missing.
        UsageError: the name is not known.
    """
    if device == "cpu" or (device == "auto" and (pairs < _PAIRS or not importlib.util.find_spec("onnxruntime"))):
        return "cpu"
    from xret.devices import usable_device

    return usable_device(device)


class DeviceFilter:
    """The best few of each row and of each column of a block, by ONNX Runtime.

    Where more than these few may matter to a row (or a column), which is rare, it is looked through on the CPU.
    """

    coarse = True

    def __init__(self, device: str, k: int, *, half: bool = True) -> None:
        """Of lists of k.

        Args:
            device: ``cuda``, ``cuda:N``, or ``cpu``.
            k: length of the lists.
            half: compute in float16; else in float32, on the CPU only (a GPU would round to fewer bits).

        Raises:
            DeviceError: the runtime cannot compute there.
            MissingExtraError: ONNX or ONNX Runtime is missing.
        """
        self._runtime = require("onnxruntime", extra="gpu-encode", purpose=f"searching on {device}")
        self._kind, _, number = device.partition(":")
        self._number, self._k, self._few, self._half = int(number or 0), k, max(32, 8 * k), half
        self._session = _session(device, half)
        self.name = f"float{16 if half else 32} on {device}"
        self._local = threading.local()

    def prepare(self, raw: NDArray[np.float32], lengths: NDArray[np.float64]) -> Any:
        """Rows of length 1, in the device's memory."""
        unit = (raw * (1.0 / lengths).astype(np.float32)[:, None]).astype(np.float16 if self._half else np.float32)
        return self._runtime.OrtValue.ortvalue_from_numpy(unit, self._kind, self._number)

    def ahead(self, meeting: Meeting, bar: Bar) -> Entries:
        """Compute the block; pairs of rows."""
        rows, columns = meeting.rows, meeting.columns
        few = [min(self._few, len(block.raw)) for block in (columns, rows)]
        binding = self._session.io_binding()
        binding.bind_ortvalue_input("rows", rows.operand)
        binding.bind_ortvalue_input("columns", columns.operand)
        for name, size in zip(("row_few", "column_few"), few, strict=True):
            binding.bind_cpu_input(name, np.array([size], np.int64))
        for name in ("row_values", "row_ids", "column_values", "column_ids"):
            binding.bind_output(name)
        try:
            self._session.run_with_iobinding(binding)
        except Exception as error:  # the runtime has a family of exceptions of its own
            reason = str(error).strip().splitlines()[0][:200]
            raise DeviceError(f"searching on {self._kind} failed ({reason}); search with --device cpu") from error
        values, ids, column_values, column_ids = binding.copy_outputs_to_cpu()
        self._local.seen = column_values, column_ids
        return self._chosen(values, ids, bar, rows, columns)

    def back(self, meeting: Meeting, bar: Bar) -> Entries:
        """Pairs of columns."""
        values, ids = self._local.seen
        return self._chosen(values, ids, bar, meeting.columns, meeting.rows)

    def learn(self, pairs: int, needless: int) -> None:
        """Nothing: few pairs come back in any case."""

    def _chosen(self, values: Any, ids: Any, bar: Bar, own: Block, other: Block) -> Entries:
        """Which of the best few (n, few) of each of the own rows may enter its list."""
        worst, k = bar
        values = values.astype(np.float32)
        error = np.float32(single_error(own.raw.shape[1]) + (_HALF if self._half else 0))
        cutoff = worst - error
        if values.shape[1] >= k:  # k entries of this block reach the k-th value, less the error
            cutoff = np.maximum(cutoff, values[:, k - 1] - 2 * error)
        within = values >= cutoff[:, None]
        short = np.flatnonzero(within[:, -1]) if values.shape[1] < len(other.raw) else np.empty(0, np.int64)
        within[short] = False
        row, place = np.nonzero(within)
        parts = [(row, ids[row, place].astype(np.int64))]
        for start in range(0, len(short), _SLICE):
            which = short[start : start + _SLICE]
            hit, entry = _looked_through(own, other, which, cutoff[which])
            parts.append((which[hit], entry))
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _looked_through(own: Block, other: Block, which: NDArray[np.int64], cutoff: NDArray[np.float32]) -> Entries:
    """All entries of some rows that reach the cutoff, which is low enough for the errors of float32, too."""
    mine = own.raw[which] * (1.0 / own.lengths[which]).astype(np.float32)[:, None]
    theirs = other.raw * (1.0 / other.lengths).astype(np.float32)[:, None]
    row, column = np.nonzero(mine @ theirs.T >= cutoff[:, None])
    return row, column


@lru_cache(maxsize=4)
def _session(device: str, half: bool) -> Any:
    """The best few of rows (n, d) times columns (m, d) transposed, and of its transpose."""
    onnx = require("onnx", extra="gpu-encode", purpose=f"searching on {device}")
    runtime = require("onnxruntime", extra="gpu-encode", purpose=f"searching on {device}")
    helper, kinds = onnx.helper, onnx.TensorProto
    kind = kinds.FLOAT16 if half else kinds.FLOAT
    inputs = [helper.make_tensor_value_info(f"{side}s", kind, [side, "d"]) for side in ("row", "column")]
    inputs += [helper.make_tensor_value_info(f"{side}_few", kinds.INT64, [1]) for side in ("row", "column")]
    nodes, outputs = [], []
    for side, other in (("row", "column"), ("column", "row")):
        nodes += [
            helper.make_node("Transpose", [f"{other}s"], [f"{other}s_turned"], perm=[1, 0]),
            helper.make_node("MatMul", [f"{side}s", f"{other}s_turned"], [f"{side}_cosines"]),
            helper.make_node("TopK", [f"{side}_cosines", f"{side}_few"], [f"{side}_values", f"{side}_ids"], axis=-1),
        ]
        outputs += [
            helper.make_tensor_value_info(f"{side}_values", kind, [side, f"{side}_k"]),
            helper.make_tensor_value_info(f"{side}_ids", kinds.INT64, [side, f"{side}_k"]),
        ]
    graph = helper.make_graph(nodes, "best", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    providers: list[Any] = ["CPUExecutionProvider"]
    if device != "cpu":
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": int(device.partition(":")[2] or 0)}))
    session = runtime.InferenceSession(model.SerializeToString(), providers=providers)
    if device != "cpu" and session.get_providers()[0] != "CUDAExecutionProvider":
        raise DeviceError(
            f"device {device} cannot be used: ONNX Runtime fell back to the CPU; check CUDA and its driver"
        )
    return session
