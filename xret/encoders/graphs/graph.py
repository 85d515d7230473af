"""Collects nodes and weights of one ONNX graph and writes it; but for small ones, weights go to a file beside it.

A graph has a precision while it is being built: builders ask it for linear layers, constants and casts, and so need not
know whether they make a float32, float16 or int8 graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from xret.encoders.graphs.int8 import Int8Layers
from xret.errors import ModelError, require

__all__ = ["INLINE_LIMIT", "MICROSOFT", "MODEL_FILE", "Graph", "Precision"]

Precision = Literal["fp32", "fp16", "int8"]

MICROSOFT = "com.microsoft"
MODEL_FILE = "model.onnx"
INLINE_LIMIT = 1_500_000_000  # bytes of weights in one message; protobuf ends at 2 GiB
# Bytes of weights kept inside the file. Those in a file beside it are mapped: tables of words then take no memory of
# their own, in any number of processes, and writing them copies nothing.
_FILE_LIMIT = 8_000_000
_OPSET, _IR = 18, 9
# Operator -> the norm in it, and how many constants that takes.
_SKIP_NORMS = {
    "SkipLayerNormalization": ("LayerNormalization", 2),
    "SkipSimplifiedLayerNormalization": ("SimplifiedLayerNormalization", 1),
}
_ALIGN = 4096  # so that the runtime can map external weights


class Graph:
    """A graph under construction. Values are named by strings, as in ONNX."""

    def __init__(self, precision: Precision = "fp32", *, scales: Sequence[NDArray[np.float32] | None] = ()) -> None:
        """An empty graph.

        Args:
            precision: what linear layers are computed in; float16 is that of all values up to `full`.
            scales: for int8, see `xret.encoders.graphs.smoothing.channel_scales`.
        """
        self.precision: Precision = precision
        self.entering: dict[str, int] = {}  # values that enter linear layers -> their width, in the order of building
        self._scales = scales
        self._onnx = require("onnx", extra="cpu", purpose="turning a checkpoint into an ONNX graph")
        self._nodes: list[Any] = []
        self._weights: dict[str, NDArray[Any]] = {}
        self._inputs: dict[str, Sequence[str | int]] = {}
        self._outputs: list[tuple[str, Sequence[str | int]]] = []
        self._unusual: set[str] = set()  # inputs that are float32, outputs that are int64

    def input(self, name: str, shape: Sequence[str | int] = ("batch", "tokens"), *, real: bool = False) -> str:
        """Declare an int64 input, or a float32 one where `real`."""
        self._inputs[name] = shape
        self._unusual.update([name] if real else [])
        return name

    @property
    def inputs(self) -> Mapping[str, Sequence[str | int]]:
        """The inputs and their shapes."""
        return self._inputs

    @cached_property
    def lengths(self) -> str:
        """int32 (batch,): how many tokens of each text attention sees; they are the first ones."""
        total = self.node("ReduceSum", ["attention_mask", self.ints(1)], keepdims=0)
        return self.node("Cast", [total], name="lengths", to=6)

    def linear(
        self, value: str, name: str, matrix: NDArray[np.float32], bias: NDArray[np.float32] | None = None
    ) -> str:
        """`value` (…, in) times a constant `matrix` (in, out), plus `bias` (out,): (…, out), in the graph's precision.

        Args:
            value: what goes in.
            name: of the layer; its constants are called ``name.weight`` and ``name.bias``.
            matrix: float32, the transpose of torch's ``Linear.weight``.
            bias: left out where a fused operator that follows adds it.
        """
        self.entering.setdefault(value, len(matrix))
        if self.precision == "int8":
            return self._int8.linear(value, name, matrix, bias)
        result = self.node("MatMul", [value, self.weight(f"{name}.weight", matrix)])
        return result if bias is None else self.node("Add", [result, self.weight(f"{name}.bias", bias)])

    @cached_property
    def _int8(self) -> Int8Layers:
        return Int8Layers(self, scales=self._scales)

    @property
    def quantised(self) -> bool:
        """Whether any linear layer is in 8 bits."""
        return "_int8" in self.__dict__

    def to_float(self, value: str) -> str:
        """`value` cast to the graph's float type."""
        return self.node("Cast", [value], to=10 if self.precision == "fp16" else 1)

    def full(self, value: str) -> str:
        """`value` as float32; from here on the graph computes in float32."""
        half, self.precision = self.precision == "fp16", "fp32"
        return self.node("Cast", [value], to=1) if half else value

    def output(self, value: str, name: str, shape: Sequence[str | int], *, whole: bool = False) -> None:
        """Declare `value` a float32 output called `name`, or an int64 one where `whole`."""
        self.node("Identity", [value], name=name)
        self._outputs.append((name, shape))
        self._unusual.update([name] if whole else [])

    def weight(self, name: str, array: NDArray[Any]) -> str:
        """Add a constant, float32 ones in the graph's float type; the same name twice must mean the same array."""
        if self.precision == "fp16" and array.dtype == np.float32:
            name, array = f"{name}.half", array.astype(np.float16)
        self._weights.setdefault(name, array)
        return name

    def ints(self, *values: int) -> str:
        """An int64 vector constant."""
        return self.weight("ints_" + "_".join(str(v) for v in values), np.array(values, np.int64))

    def scalar(self, value: float) -> str:
        """A scalar constant of the graph's float type."""
        return self.weight(f"float_{value!r}", np.array(value, np.float32))

    def node(
        self, op: str, inputs: Sequence[str], *, name: str = "", outputs: int = 1, domain: str = "", **attributes: Any
    ) -> str:
        """Add a node and give the name of its first output (further ones are called ``name.1``, …)."""
        name = name or f"{op.lower()}_{len(self._nodes)}"
        if op in _SKIP_NORMS:
            return self._skip_norm(op, list(inputs), name, attributes["epsilon"])
        names = [name, *(f"{name}.{i}" for i in range(1, outputs))]
        self._nodes.append(self._onnx.helper.make_node(op, list(inputs), names, domain=domain, name=name, **attributes))
        return name

    def _skip_norm(self, op: str, inputs: list[str], name: str, epsilon: float) -> str:
        """``SkipLayerNormalization`` or its simplified form as additions and a norm; the sum is output ``name.3``.

        ONNX Runtime's CPU kernels for the fused operators take 7 times (2 times) as long as those for the parts; on
        CUDA the runtime puts the parts together by itself.
        """
        value, residual, *rest = inputs
        norm, gains = _SKIP_NORMS[op]
        for bias in filter(None, rest[gains:]):
            value = self.node("Add", [value, bias])
        total = self.node("Add", [value, residual], name=f"{name}.3")
        return self.node(norm, [total, *rest[:gains]], name=name, axis=-1, epsilon=epsilon)

    def operator(self, value: str) -> str:
        """Which operator gives `value`; "" for inputs and constants."""
        return next((str(node.op_type) for node in reversed(self._nodes) if value in node.output), "")

    def include(self, model: Any, feeds: Mapping[str, str]) -> list[str]:
        """Add the nodes and constants of a whole ONNX model.

        Args:
            model: a ModelProto without functions of its own.
            feeds: its inputs -> values of this graph.

        Returns:
            The values of its outputs.

        Raises:
            ModelError: it has branches or loops, whose bodies have values of their own.
        """
        names = {"": "", **feeds}
        for tensor in model.graph.initializer:
            names[tensor.name] = self.weight(f"included.{tensor.name}", self._onnx.numpy_helper.to_array(tensor))
        for number, node in enumerate(model.graph.node):
            if any(attribute.HasField("g") for attribute in node.attribute):
                raise ModelError(f"the model has a node {node.op_type} with a graph inside, which cannot be included")
            copy = type(node)()
            copy.CopyFrom(node)
            copy.name = f"included.{number}"
            names.update((name, f"included.{name}") for name in node.output if name)
            copy.input[:] = [names[name] for name in node.input]
            copy.output[:] = [names[name] for name in node.output]
            self._nodes.append(copy)
        return [names[output.name] for output in model.graph.output]

    def prune(self) -> None:
        """Drop nodes and weights that no output needs: the runtime would compute them all the same."""
        needed = {name for name, _ in self._outputs}
        kept = []
        for node in reversed(self._nodes):
            if needed.intersection(node.output):
                needed.update(node.input)
                kept.append(node)
        self._nodes = kept[::-1]
        self._weights = {name: array for name, array in self._weights.items() if name in needed}

    def save(self, folder: Path, *, inline_limit: int = _FILE_LIMIT) -> None:
        """Write ``model.onnx`` (and ``model.onnx.data``) into an existing folder."""
        if self._size() <= inline_limit:
            (folder / MODEL_FILE).write_bytes(self.serialized(inline_limit=inline_limit))
            return
        tensors = []
        with open(folder / f"{MODEL_FILE}.data", "wb") as stream:
            for name, array in self._weights.items():
                tensors.append(self._external(name, array, stream))
        (folder / MODEL_FILE).write_bytes(self._model(tensors).SerializeToString(deterministic=True))

    def serialized(self, *, inline_limit: int = INLINE_LIMIT) -> bytes:
        """The whole model as bytes.

        Raises:
            ModelError: the weights do not fit one protobuf message.
        """
        if self._size() > inline_limit:
            raise ModelError(
                f"the graph's weights are {self._size() / 1e9:.1f} GB and must go to a file; "
                "point XRET_CACHE to a writable folder"
            )
        numpy_helper = self._onnx.numpy_helper
        tensors = [numpy_helper.from_array(np.ascontiguousarray(a), n) for n, a in self._weights.items()]
        return bytes(self._model(tensors).SerializeToString(deterministic=True))

    def _size(self) -> int:
        return sum(array.nbytes for array in self._weights.values())

    def _external(self, name: str, array: NDArray[Any], stream: Any) -> Any:
        if array.nbytes < 1024:  # shapes and axes must be visible to shape inference
            return self._onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)
        stream.write(b"\0" * (-stream.tell() % _ALIGN))
        place = {"location": f"{MODEL_FILE}.data", "offset": stream.tell(), "length": array.nbytes}
        np.ascontiguousarray(array).tofile(stream)
        kinds = self._onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
        tensor = self._onnx.TensorProto(name=name, dims=array.shape, data_type=kinds)
        tensor.data_location = self._onnx.TensorProto.EXTERNAL
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        return tensor

    def _model(self, tensors: list[Any]) -> Any:
        helper, proto = self._onnx.helper, self._onnx.TensorProto
        inputs, outputs = (
            [helper.make_tensor_value_info(n, other if n in self._unusual else usual, list(s)) for n, s in declared]
            for declared, usual, other in (
                (self._inputs.items(), proto.INT64, proto.FLOAT), (self._outputs, proto.FLOAT, proto.INT64),
            )
        )  # fmt: skip
        graph = helper.make_graph(self._nodes, "xret", inputs, outputs, tensors)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR, producer_name="xret")
