"""Pieces that every transformer builder needs: dense layers, norms and activations read from a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence

from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import MICROSOFT, Graph
from xret.errors import ModelError

__all__ = ["ACTIVATIONS", "activate", "check_activation", "dense", "norm", "refuse_rest", "vector"]

_GELU = {"gelu", "gelu_python"}
_TANH_GELU = {"gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate"}
_SIGMOID = {"quick_gelu": 1.702, "silu": 1.0, "swish": 1.0}  # x * sigmoid(alpha * x)
ACTIVATIONS = frozenset({*_GELU, *_TANH_GELU, *_SIGMOID, "relu"})


def dense(
    graph: Graph, weights: Weights, name: str, value: str, *, bias: bool = True, size: tuple[int, int] | None = None
) -> str:
    """`value` through a torch ``Linear`` of the checkpoint, in the graph's precision.

    Args:
        graph: where to.
        weights: hold ``name.weight`` (out, in) and ``name.bias`` (out,).
        name: of the layer, without ``.weight``.
        value: (…, in).
        bias: False where there is none, or a fused operator that follows adds it.
        size: (in, out) that the matrix must have.

    Returns:
        (…, out).

    Raises:
        ModelError: a tensor is missing or of another shape.
    """
    matrix = weights.get(f"{name}.weight", *(size[::-1] if size else ()))
    return graph.linear(value, name, matrix.T, weights.get(f"{name}.bias", len(matrix)) if bias else None)


def vector(graph: Graph, weights: Weights, name: str, *shape: int) -> str:
    """The tensor `name` as a constant, its shape checked when `shape` is given (ModelError)."""
    return graph.weight(name, weights.get(name, *shape))


def norm(graph: Graph, weights: Weights, name: str, *shape: int) -> tuple[str, str]:
    """Gain and shift of a layer norm: constants ``name.weight`` and ``name.bias``, or TensorFlow's gamma and beta."""
    gain, shift = ("gamma", "beta") if f"{name}.gamma" in weights else ("weight", "bias")  # in mBERT's own files
    return vector(graph, weights, f"{name}.{gain}", *shape), vector(graph, weights, f"{name}.{shift}", *shape)


def check_activation(kind: str, *, key: str = "hidden_act") -> None:
    """Refuse an activation that `activate` does not know.

    Raises:
        ModelError: names `key` of config.json and the known ones.
    """
    if kind not in ACTIVATIONS:
        raise ModelError(f"{key} '{kind}' is not known here; known: {', '.join(sorted(ACTIVATIONS))}")


def activate(graph: Graph, value: str, bias: str, kind: str) -> str:
    """Activation `kind`, by its name in transformers, of `value` + `bias` (no bias where it is "").

    Args:
        graph: where to.
        value: (…, width).
        bias: constant or value (width,).
        kind: one of `ACTIVATIONS`.
    """
    check_activation(kind)
    inputs = [value, bias] if bias else [value]
    if kind in _TANH_GELU:
        return graph.node("FastGelu", inputs, domain=MICROSOFT)
    if kind in _GELU:
        return graph.node("BiasGelu" if bias else "Gelu", inputs, domain=MICROSOFT)
    value = graph.node("Add", inputs) if bias else value
    if kind == "relu":
        return graph.node("Relu", [value])
    return graph.node("QuickGelu", [value], domain=MICROSOFT, alpha=_SIGMOID[kind])


def refuse_rest(weights: Weights, prefix: str, ignored: Sequence[str], kind: str) -> None:
    """Refuse a checkpoint with tensors that the builder did not use.

    Args:
        weights: as the builder left them.
        prefix: of the encoder's own tensors ("" or e.g. ``bert.``).
        ignored: beginnings of names, `prefix` taken off, that may be left over (heads of the pre-training task).
        kind: what the family is called in the message.

    Raises:
        ModelError: names the first one left.
    """
    free = tuple(ignored)
    left = [n for n in weights.names() if n not in weights.used and not n.removeprefix(prefix).startswith(free)]
    if left:
        raise ModelError(
            f"{weights.source}: holds '{left[0]}' and {len(left) - 1} more tensors that a plain {kind} "
            "does not have; it is another architecture under that name"
        )
