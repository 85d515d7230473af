"""Linear layers as the checkpoint stores them (merged, split, with adapters) and the blocks made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xret.encoders.builders.attention import attention
from xret.encoders.builders.layers import activate
from xret.encoders.builders.rotary import Rotary
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import MICROSOFT, Graph

__all__ = ["Affine", "attend", "close", "gated", "read", "repeat"]


@dataclass(frozen=True)
class Affine:
    """x @ matrix + shift."""

    name: str  # what its constants are called in the graph
    matrix: NDArray[np.float32]  # (in, out)
    shift: NDArray[np.float32] | None = None  # (out,)

    def add(self, graph: Graph, value: str) -> str:
        """The layer of `value` (…, in): (…, out)."""
        return graph.linear(value, self.name, self.matrix, self.shift)

    def cut(self, count: int) -> tuple[Affine, ...]:
        """`count` layers that give equal shares of the outputs, in order.

        Matrices stay apart in the graph: merging them and splitting the result was never faster on CPU.
        """
        matrices = np.split(self.matrix, count, axis=1)
        shifts = [None] * count if self.shift is None else np.split(self.shift, count)
        return tuple(
            Affine(f"{self.name}.{index}", matrix, shift)
            for index, (matrix, shift) in enumerate(zip(matrices, shifts, strict=True))
        )


def read(weights: Weights, name: str, inputs: int, outputs: int, *, bias: bool = True) -> Affine:
    """A torch ``Linear``: ``name.weight`` (outputs, inputs) and, where `bias`, ``name.bias``.

    Raises:
        ModelError: a tensor is missing or of another shape.
    """
    matrix = weights.get(f"{name}.weight", outputs, inputs).T
    return Affine(name, matrix, weights.get(f"{name}.bias", outputs) if bias else None)


def attend(
    graph: Graph, value: str, parts: tuple[Affine, ...], *, heads: int, rotary: Rotary | None = None, bias: str = ""
) -> str:
    """Self-attention, before its output matrix.

    Args:
        graph: where to.
        value: (batch, tokens, width).
        parts: query, key and value layers.
        heads: attention heads.
        rotary: turns queries and keys.
        bias: added to the scores, see `attention`.

    Returns:
        (batch, tokens, width).
    """
    query, key, content = (part.add(graph, value) for part in parts)
    if rotary is not None:
        query, key = rotary.turn(graph, query), rotary.turn(graph, key)
    return attention(graph, query, key, content, heads=heads, bias=bias)


def repeat(graph: Graph, value: str, groups: int, times: int) -> str:
    """Each of the `groups` heads of `value` (batch, tokens, groups * size) `times` times, one after the other.

    For queries that share keys and values (Ainslie et al. 2023, "GQA").
    """
    if times == 1:
        return value
    apart = graph.node("Unsqueeze", [graph.node("Reshape", [value, graph.ints(0, 0, groups, -1)]), graph.ints(3)])
    repeated = graph.node("Expand", [apart, graph.ints(1, 1, 1, times, 1)])
    return graph.node("Reshape", [repeated, graph.ints(0, 0, -1)])


def gated(graph: Graph, value: str, gate: Affine, up: Affine, kind: str) -> str:
    """activation(gate(value)) * up(value): Shazeer 2020, "GLU Variants Improve Transformer"."""
    return graph.node("Mul", [activate(graph, gate.add(graph, value), "", kind), up.add(graph, value)])


def close(graph: Graph, layer: Affine, norm: tuple[str, str], epsilon: float, value: str, residual: str) -> str:
    """LayerNorm(layer(value) + residual): how both halves of a post-norm layer end."""
    result = graph.linear(value, layer.name, layer.matrix)
    shift = [] if layer.shift is None else [graph.weight(f"{layer.name}.bias", layer.shift)]
    return graph.node("SkipLayerNormalization", [result, residual, *norm, *shift], domain=MICROSOFT, epsilon=epsilon)
