"""Linear layers in 8 bits: int8 weights with a step per column, uint8 activations with a step per row.

A row is one token of one text, and its step is taken from that row alone: the vector of a text is the same in any
batch. ONNX Runtime's own dynamic quantisation takes one step for the whole batch, so that neighbours move a text's
vector (cosine 0.99 between a text alone and in company; onnxruntime#10111). Steps per token and per channel are those
of Dettmers et al. 2022 (LLM.int8()) and Yao et al. 2022 (ZeroQuant).

    step[t] = max|x[t, :]| / 127          x[t, k] ~ step[t] * (code[t, k] - 128)
    y[t, n] = step[t] * step[n] * sum_k (code[t, k] - 128) * weight[k, n]

The sums are exact 32-bit integers, so threads and processors cannot change them, where the product's kernel is exact:
x86 processors without VNNI add pairs of uint8 x int8 products in 16 bits, which overflow. There the weights go in as
uint8 around 128, for which the kernel is exact, and slower; the vectors are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from xret.errors import ModelError, require

if TYPE_CHECKING:
    from xret.encoders.graphs.graph import Graph

__all__ = ["Int8Layers", "Layout", "check_unsigned", "quantised", "usual_layout"]

Layout = Literal["signed", "unsigned"]

_LEVELS, _ZERO = 127, 128
_TINY = 1e-20  # the step of a row or column of zeros
_MICROSOFT = "com.microsoft"


def quantised(matrix: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Codes (in, out) and steps (out,) with ``codes * steps`` nearest to `matrix`; codes are within -127..127."""
    steps = np.maximum(np.abs(matrix).max(axis=0), _TINY).astype(np.float32) / np.float32(_LEVELS)
    return np.rint(matrix / steps).astype(np.int8), steps


@dataclass(frozen=True)
class _Rows:
    """A quantised value; names of values in the graph."""

    codes: str  # uint8 (rows, in)
    steps: str  # float32 (rows, 1)
    shape: str  # int64: that of the value, the last dimension left out
    scales: NDArray[np.float32] | None  # (in,): what its channels were divided by


class Int8Layers:
    """Adds the 8-bit linear layers of one graph; a value that enters several is quantised once."""

    def __init__(
        self, graph: Graph, *, layout: Layout | None = None, scales: Sequence[NDArray[np.float32] | None] = ()
    ) -> None:
        """Nothing is added yet.

        Args:
            graph: where to.
            layout: of the weights; that which is exact on this processor if not given.
            scales: what to divide the channels of the first, second, … value by; none where there are no more.
        """
        self._graph, self._layout, self._scales = graph, layout or usual_layout(), scales
        self._known: dict[str, _Rows] = {}

    def linear(self, value: str, name: str, matrix: NDArray[np.float32], bias: NDArray[np.float32] | None) -> str:
        """As `Graph.linear`."""
        graph = self._graph
        if value not in self._known:
            place = len(self._known)
            self._known[value] = self._rows(
                value, len(matrix), self._scales[place] if place < len(self._scales) else None
            )
        rows = self._known[value]
        if rows.scales is not None:
            matrix = matrix * rows.scales[:, None]
        codes, steps = quantised(matrix)
        zero = graph.weight("int8.zero", np.array(_ZERO, np.uint8))
        inputs = [rows.codes, "", graph.weight("int8.one", np.array(1, np.float32)),
                  graph.weight(f"{name}.steps", steps), zero]  # fmt: skip
        if self._layout == "signed":
            inputs[1] = graph.weight(f"{name}.codes", codes)
        else:
            inputs[1] = graph.weight(f"{name}.codes", (codes.astype(np.int16) + _ZERO).astype(np.uint8))
            inputs.append(zero)
        product = graph.node("MatMulIntegerToFloat", inputs, domain=_MICROSOFT)
        product = graph.node("Mul", [product, rows.steps])
        shape = graph.node("Concat", [rows.shape, graph.ints(matrix.shape[1])], axis=0)
        result = graph.node("Reshape", [product, shape])
        return result if bias is None else graph.node("Add", [result, graph.weight(f"{name}.bias", bias)])

    def _rows(self, value: str, width: int, scales: NDArray[np.float32] | None) -> _Rows:
        graph, last = self._graph, self._graph.ints(1)
        flat = graph.node("Reshape", [value, graph.ints(-1, width)])
        if scales is not None:
            flat = graph.node("Mul", [flat, graph.weight(f"{value}.scales", 1 / scales)])
        # Two reductions are twice as fast as one of the absolute values, which would have to be written out.
        highest = graph.node("ReduceMax", [flat, last], keepdims=0)
        lowest = graph.node("Neg", [graph.node("ReduceMin", [flat, last], keepdims=0)])
        largest = graph.node("Max", [highest, lowest, graph.weight("int8.tiny", np.array(_TINY, np.float32))])
        steps = graph.node("Mul", [largest, graph.weight("int8.level", np.array(1 / _LEVELS, np.float32))])
        zero = graph.weight("int8.zero", np.array(_ZERO, np.uint8))
        zeros = graph.node("Expand", [zero, graph.node("Shape", [steps])])
        codes = graph.node("QuantizeLinear", [flat, steps, zeros], axis=0)
        return _Rows(codes, graph.node("Unsqueeze", [steps, last]), graph.node("Shape", [value], end=-1), scales)


@cache
def usual_layout() -> Layout:
    """``signed`` where ONNX Runtime multiplies uint8 by int8 exactly on this processor, else ``unsigned``; tried out.

    Raises:
        MissingExtraError: ONNX Runtime is not installed.
    """
    wide = [np.full((rows, 64), 255, np.uint8) for rows in (1, 16)]  # one row has a kernel of its own
    weights = np.full((64, 32), 127, np.int8)
    session = _product(weights)
    exact = all((session.run(None, {"codes": codes})[0] == 255 * 127 * 64).all() for codes in wide)
    return "signed" if exact else "unsigned"


def _product(weights: NDArray[np.int8]) -> Any:
    onnx = require("onnx", extra="cpu", purpose="turning a checkpoint into an ONNX graph")
    runtime = require("onnxruntime", extra="cpu", purpose="encoding text")
    helper, kinds = onnx.helper, onnx.TensorProto
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["codes", "weights"], ["sums"])],
        "product",
        [helper.make_tensor_value_info("codes", kinds.UINT8, ["rows", len(weights)])],
        [helper.make_tensor_value_info("sums", kinds.INT32, ["rows", weights.shape[1]])],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def check_unsigned(path: Path) -> None:
    """Refuse a finished graph whose products this processor would get wrong.

    Raises:
        ModelError: its weights are signed.
    """
    onnx = require("onnx", extra="cpu", purpose="reading an int8 graph")
    tensors = onnx.load(str(path), load_external_data=False).graph.initializer
    if any(tensor.data_type == onnx.TensorProto.INT8 for tensor in tensors):
        raise ModelError(
            f"{path}: is an int8 graph for processors with VNNI, which this one lacks; its sums would overflow. "
            "Make the graph on this machine, or leave :int8 out"
        )
