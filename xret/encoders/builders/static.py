"""``xret-static``: a table of subword vectors, summed and projected; no attention, so it runs at the tokeniser's speed.

Layout: ``embedding.weight`` (vocab_size, hidden_size) int8, float16 or float32; with int8 ``embedding.scale``
(vocab_size,) float32, quantisation step times learned token weight; ``projection.weight`` (output_size, hidden_size).
Token vector = scale[t] * weight[t] @ projection.T; sentence vector = L2(sum over the text's tokens, the one at place i
times 1 / (1 + i / position_decay) where config.json has a `position_decay` above 0).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.builders.family import Built, Family, must
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph
from xret.errors import ModelError

__all__ = ["FAMILIES", "faded", "table_of"]


def check(config: dict[str, Any]) -> None:
    """Refuse incomplete configs (ModelError)."""
    for key in ("vocab_size", "hidden_size", "output_size"):
        must(config, key, int)
    if (decay := config.get("position_decay") or 0) < 0:
        raise ModelError(f"config.json: 'position_decay' is {decay}, wanted 0 or more")


def build(graph: Graph, weights: Weights, config: dict[str, Any]) -> Built:
    """Add the table and the projection; summed before it is projected: one row per text instead of one per token."""
    vocabulary, width, out = config["vocab_size"], config["hidden_size"], config["output_size"]
    table = table_of(weights, vocabulary, width)
    rows = graph.node("Cast", [graph.node("Gather", [graph.weight("table", table), "input_ids"])], to=1)
    mask = token_weights = graph.node("Cast", ["attention_mask"], to=1)
    if "embedding.scale" in weights or table.dtype == np.int8:
        scale = graph.weight("scale", weights.get("embedding.scale", vocabulary))
        token_weights = graph.node("Mul", [graph.node("Gather", [scale, "input_ids"]), token_weights])
    sums = faded(graph, config, token_weights, mask)
    projection = graph.weight("projection", weights.get("projection.weight", out, width).T)
    total = graph.node("MatMul", [graph.node("Unsqueeze", [sums, graph.ints(1)]), rows])
    pooled = graph.node("MatMul", [graph.node("Squeeze", [total, graph.ints(1)]), projection])
    scaled = graph.node("Mul", [rows, graph.node("Unsqueeze", [token_weights, graph.ints(2)])])
    return Built(hidden=graph.node("MatMul", [scaled, projection]), pooled=pooled)


def table_of(weights: Weights, vocabulary: int, width: int) -> NDArray[Any]:
    """The stored token vectors (vocabulary, width): int8, float16 or float32 (ModelError where they are not)."""
    table = weights.raw("embedding.weight")
    if table.shape != (vocabulary, width) or table.dtype not in (np.int8, np.float16, np.float32):
        raise ModelError(
            f"{weights.source}: embedding.weight is {table.dtype} {table.shape}, "
            f"wanted int8, float16 or float32 {(vocabulary, width)}"
        )
    return table


def faded(graph: Graph, config: dict[str, Any], value: str, mask: str) -> str:
    """`value` (batch, tokens) times 1 / (1 + i / position_decay) at place i; itself where there is no decay.

    Args:
        graph: where to.
        config: the content of config.json.
        value: float32.
        mask: float32 (batch, tokens), 1 for each text's tokens, which come first.
    """
    if not (decay := float(config.get("position_decay") or 0)):
        return value
    place = graph.node("CumSum", [mask, graph.ints(1)])  # counts from 1
    lowered = graph.node("Div", [graph.scalar(decay), graph.node("Add", [place, graph.scalar(decay - 1)])])
    return graph.node("Mul", [value, lowered])


FAMILIES = {
    "xret-static": Family(
        build=build,
        check=check,
        positions=lambda config: int(config.get("max_length", 1024)),
        apart=True,
        width=lambda config: int(must(config, "output_size", int)),
        token_weights=True,
        linear=False,
        version=2,
    )
}
