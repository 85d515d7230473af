"""Block products in 8 bits: a third of float32's time where the processor multiplies bytes (VNNI, AMX, Arm dot)."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.errors import require
from xret.indexes.twoway.filters.similarity import Bound
from xret.indexes.twoway.filters.steps import Operand, Steps, bound

__all__ = ["Int8Similarity"]


class Int8Similarity:
    """Products of bytes by ONNX Runtime."""

    name = "int8"

    def __init__(self) -> None:
        """Build the product's session.

        Raises:
            MissingExtraError: ONNX Runtime or ONNX is not installed.
        """
        self._runtime = require("onnxruntime", extra="cpu", purpose="searching in 8 bits")
        self._session = _session()
        self._local = threading.local()
        self._steps: Steps | None = None

    def sound(self) -> bool:
        """Whether the largest products come out right: some kernels for processors without byte units overflow."""
        codes = np.full((64, 256), 127, np.int8) * np.where(np.arange(64) % 2, -1, 1).astype(np.int8)[:, None]
        none, half = np.zeros(64, np.float32), np.full(64, 0.5, np.float32)
        digits = np.empty((64, 0), np.int8)
        operand, out = Operand(codes, half, none, none, half, digits, none, 1e-6), np.empty((64, 64), np.float32)
        self.product(operand, operand, out)
        return bool(np.allclose(out, 0.5 + 1e-6 * (codes.astype(np.int64) @ codes.T), rtol=1e-5))

    def prepare(self, block: NDArray[np.float32], lengths: NDArray[np.float64]) -> Operand:
        """Rows in steps: those that `fit` has chosen, or of unit vectors without a middle."""
        if self._steps is None:
            self._steps = Steps(block.shape[1])
        return self._steps.operand(block, lengths)

    def fit(self, sample: NDArray[np.float32]) -> None:
        """Choose the steps by (s, d) unit vectors from both sides."""
        self._steps = Steps(sample.shape[1], sample)

    def product(self, rows: Operand, columns: Operand, out: NDArray[np.float32]) -> None:
        """One integer product, scaled to cosines."""
        binding = self._session.io_binding()
        inputs: dict[str, NDArray[Any]] = {
            "rows": rows.left, "columns": columns.right, "scale": np.asarray(rows.scale, np.float32),
            "middle": np.asarray(128, np.uint8), "ones": np.ones(columns.right.shape[1], np.float32),
            "added": columns.added,
        }  # fmt: skip
        kept = {name: self._value(array) for name, array in inputs.items()}
        for name, value in kept.items():
            binding.bind_ortvalue_input(name, value)
        target = out if out.flags.c_contiguous else self._buffer(out.shape)
        binding.bind_ortvalue_output("cosines", self._value(target))
        self._session.run_with_iobinding(binding)
        if target is not out:
            out[:] = target

    def _value(self, array: NDArray[Any]) -> Any:
        """The array's memory as a value of ONNX Runtime, without a copy."""
        return self._runtime.OrtValue.ortvalue_from_numpy(array)

    def _buffer(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """This thread's own, for blocks at the edge."""
        if getattr(self._local, "buffer", np.empty(0)).shape != shape:
            self._local.buffer = np.empty(shape, np.float32)
        return self._local.buffer  # type: ignore[no-any-return]

    def error(self, rows: Operand, columns: Operand) -> tuple[Bound, Bound]:
        """Bounds on the difference from the exact cosine (see `bound`)."""
        return bound(rows, columns) + rows.missed, bound(columns, rows) + rows.missed.max()


@lru_cache(maxsize=1)
def _session() -> Any:
    """cosines (n, m) = scale · (rows (n, d) - 128) (columns (d, m)) + added (m,), on the calling thread."""
    onnx = require("onnx", extra="cpu", purpose="searching in 8 bits")
    runtime = require("onnxruntime", extra="cpu", purpose="searching in 8 bits")
    helper, kinds = onnx.helper, onnx.TensorProto
    inputs = [
        helper.make_tensor_value_info(name, kind, shape)
        for name, kind, shape in (
            ("rows", kinds.UINT8, ["n", "d"]), ("columns", kinds.INT8, ["d", "m"]), ("scale", kinds.FLOAT, []),
            ("ones", kinds.FLOAT, ["m"]), ("middle", kinds.UINT8, []), ("added", kinds.FLOAT, ["m"]),
        )
    ]  # fmt: skip
    output = helper.make_tensor_value_info("cosines", kinds.FLOAT, ["n", "m"])
    node = helper.make_node(
        "MatMulIntegerToFloat", ["rows", "columns", "scale", "ones", "middle", "", "added"], ["cosines"],
        domain="com.microsoft",
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(
        helper.make_graph([node], "product", inputs, [output]), opset_imports=opsets, ir_version=8
    )
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
