"""Block products in 8 bits: a third of the time of float32 where the processor multiplies bytes (VNNI, AMX, Arm dot).

Unit vectors are turned by one random rotation and rounded to multiples of one step, the same for all: a turned
coordinate is close to normal with deviation 1/sqrt(d), whatever the encoder's outlier dimensions were, so the steps of
all rows can be one, and the integer products need no scaling but one.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.errors import require
from xret.indexes.twoway.filters.similarity import Bound

__all__ = ["Int8Similarity"]

# Deviations that 127 steps reach. What lies beyond is cut, and counted in the error, where the worst row of a block
# decides for all: a block holds some 10^6 numbers, one of which is likely to lie 5 deviations out.
_REACH = 5.1
# Deviations of the bound's random part: it fails for a pair with probability 2 exp(-36) = 4e-16, and what fails matters
# only for pairs that are somebody's k best, in all or in a block.
_SURE = 8.5
_FLOAT = 1e-5  # rotation and scaling in float32, cutoffs, rounding of the exact value


@dataclass(frozen=True)
class _Operand:
    """A block of rows in steps.

    Attributes:
        codes: (n, d) int8.
        residual: (n,) float32, the length of what rounding took away from each row.
        along: (n,) float32, how much of that lies along the row itself.
    """

    codes: NDArray[np.int8]
    residual: NDArray[np.float32]
    along: NDArray[np.float32]

    def take(self, rows: NDArray[np.int64]) -> _Operand:
        """Some of the rows."""
        return _Operand(self.codes[rows], self.residual[rows], self.along[rows])

    @cached_property
    def left(self) -> NDArray[np.uint8]:
        """(n, d) codes + 128: one operand has to be unsigned."""
        return self.codes.view(np.uint8) ^ np.uint8(128)

    @cached_property
    def right(self) -> NDArray[np.int8]:
        """(d, n)"""
        return np.ascontiguousarray(self.codes.T)


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

    def sound(self) -> bool:
        """Whether the largest products come out right: some kernels for processors without byte units overflow."""
        codes = np.full((64, 256), 127, np.int8) * np.where(np.arange(64) % 2, -1, 1).astype(np.int8)[:, None]
        nothing = np.zeros(64, np.float32)
        operand, out = _Operand(codes, nothing, nothing), np.empty((64, 64), np.float32)
        self.product(operand, operand, out)
        wanted = codes.astype(np.int64) @ codes.T.astype(np.int64) * _step(256) ** 2
        return bool(np.allclose(out, wanted, rtol=1e-5))

    def prepare(self, block: NDArray[np.float32], lengths: NDArray[np.float64]) -> _Operand:
        """Rows scaled to unit length, turned, and rounded to steps."""
        dim = block.shape[1]
        turned = (block * (1.0 / lengths).astype(np.float32)[:, None]) @ _rotation(dim)
        steps = np.rint(turned * np.float32(1 / _step(dim)))
        np.clip(steps, -127, 127, out=steps)
        lost = turned - steps * np.float32(_step(dim))
        residual = np.sqrt(np.einsum("nd,nd->n", lost, lost))
        along = np.abs(np.einsum("nd,nd->n", lost, turned))
        return _Operand(steps.astype(np.int8), residual, along)

    def product(self, rows: _Operand, columns: _Operand, out: NDArray[np.float32]) -> None:
        """One integer product, scaled to cosines."""
        dim = rows.codes.shape[1]
        binding = self._session.io_binding()
        scale = np.asarray(_step(dim) ** 2, np.float32)
        middle = np.asarray(128, np.uint8)
        inputs: dict[str, NDArray[Any]] = {
            "rows": rows.left, "columns": columns.right, "scale": scale, "middle": middle,
        }  # fmt: skip
        kept = {name: self._value(array) for name, array in inputs.items()}
        kept["ones"] = self._value(np.ones(columns.right.shape[1], np.float32))
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

    def error(self, rows: _Operand, columns: _Operand) -> tuple[Bound, Bound]:
        """Bounds on the difference from the exact cosine, by the residuals e, f of the turned unit vectors x, y.

        x·y - (x-e)·(y-f) = e·y + x·f - e·f. By Cauchy and Schwarz that is at most |e| + |f| + |e||f|. But the rotation
        was drawn without looking at the vectors: given the turned x, and so e, the part of y across x is uniform on a
        sphere of d-1 dimensions, and e·y beyond the part along x exceeds s|e|/sqrt(d-1) with probability at most
        2 exp(-s²/2) (Lévy's inequality on the sphere). The smaller of the two bounds counts.
        """
        return _bound(rows, columns), _bound(columns, rows)


def _bound(own: _Operand, other: _Operand) -> NDArray[np.float32]:
    """For each row of `own`, with any of `other`."""
    most, along = float(other.residual.max()), float(other.along.max())
    lengths, both = own.residual + most, own.residual * most
    likely = own.along + along + _SURE * lengths / math.sqrt(max(1, own.codes.shape[1] - 1))
    bound: NDArray[np.float32] = np.minimum(lengths, likely) + both + np.float32(_FLOAT)
    return bound


def _step(dim: int) -> float:
    return _REACH / math.sqrt(dim) / 127


@lru_cache(maxsize=4)
def _rotation(dim: int) -> NDArray[np.float32]:
    """A random rotation (Haar measure: Mezzadri 2007), the same for all blocks of `dim` dimensions."""
    matrix, triangle = np.linalg.qr(np.random.default_rng(dim).standard_normal((dim, dim)))
    rotation: NDArray[np.float32] = (matrix * np.sign(np.diag(triangle))).astype(np.float32)
    return rotation


@lru_cache(maxsize=1)
def _session() -> Any:
    """cosines (n, m) = scale · (rows (n, d) - 128) (columns (d, m)), on the calling thread."""
    onnx = require("onnx", extra="cpu", purpose="searching in 8 bits")
    runtime = require("onnxruntime", extra="cpu", purpose="searching in 8 bits")
    helper, kinds = onnx.helper, onnx.TensorProto
    inputs = [
        helper.make_tensor_value_info(name, kind, shape)
        for name, kind, shape in (
            ("rows", kinds.UINT8, ["n", "d"]), ("columns", kinds.INT8, ["d", "m"]), ("scale", kinds.FLOAT, []),
            ("ones", kinds.FLOAT, ["m"]), ("middle", kinds.UINT8, []),
        )
    ]  # fmt: skip
    output = helper.make_tensor_value_info("cosines", kinds.FLOAT, ["n", "m"])
    node = helper.make_node(
        "MatMulIntegerToFloat", ["rows", "columns", "scale", "ones", "middle"], ["cosines"], domain="com.microsoft"
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(
        helper.make_graph([node], "product", inputs, [output]), opset_imports=opsets, ir_version=8
    )
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
