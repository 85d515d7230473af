"""``xret-hybrid``: a static model whose token vectors and weights a few attention layers correct.

With e_t the table's row of token t and w_t its learned weight, x = LN(e) goes through pre-norm layers (attention with
rotary positions, GELU feed-forward); their output h gives a correction and a gate:

    z_i = (e_i + D h_i) · exp(log w_i + g · h_i + b),    sentence = L2(P · Σ_i z_i / (1 + i / position_decay))

With D, g and b at zero this is `xret-static`, which is what such a model is trained from.

Layout: ``embedding.weight`` (vocab_size, hidden_size) int8, float16 or float32; with int8 ``embedding.scale``
(vocab_size,), the quantisation step; ``embedding.log_weight`` (vocab_size,); ``context.norm``, ``context.layers.N``
with ``norm1, qkv, out, norm2, up, down``, ``context.final_norm``, ``context.delta.weight``, ``context.gate``; and
``projection.weight`` (output_size, hidden_size). Perhaps a head for MaxSim: `xret.encoders.builders.token_head`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.builders.attention import attention
from xret.encoders.builders.family import Built, Family, must
from xret.encoders.builders.layers import activate, dense, norm, refuse_rest, vector
from xret.encoders.builders.rotary import Rotary, rope_of, rotary
from xret.encoders.builders.static import faded, table_of
from xret.encoders.builders.token_head import add_token_head, token_head
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph
from xret.errors import ModelError

__all__ = ["FAMILIES"]

_THETA = 10_000.0
_LENGTH = 1024


def check(config: dict[str, Any]) -> None:
    """Refuse incomplete configs and sizes that cannot be (ModelError)."""
    for key in ("vocab_size", "output_size", "intermediate_size", "num_hidden_layers"):
        must(config, key, int)
    width, heads = must(config, "hidden_size", int), must(config, "num_attention_heads", int)
    if heads < 1 or width % (2 * heads):
        raise ModelError(f"config.json: {heads} heads cannot share {width} features in pairs")
    if float(config.get("position_decay") or 0) < 0:
        raise ModelError(f"config.json: 'position_decay' is {config['position_decay']}, wanted 0 or more")
    rope_of(config, theta=_THETA)


def build(graph: Graph, weights: Weights, config: dict[str, Any]) -> Built:
    """Add table, layers and projection; summed before it is projected, as in `xret-static`."""
    vocabulary, width = config["vocab_size"], config["hidden_size"]
    table = table_of(weights, vocabulary, width)
    scale = weights.get("embedding.scale", vocabulary) if table.dtype == np.int8 else np.ones(vocabulary, np.float32)
    rows = graph.node("Gather", [graph.weight("table", table), "input_ids"])
    correction, gate = _context(graph, weights, config, _embedded(graph, rows, scale))
    correction, gate = graph.full(correction), graph.to_float(gate)
    corrected = vectors = graph.node("Add", [_embedded(graph, rows, scale), correction])
    logs = graph.weight("log_weight", weights.get("embedding.log_weight", vocabulary)[:, None])
    weight = graph.node("Exp", [graph.node("Add", [graph.node("Gather", [logs, "input_ids"]), gate])])
    shown = graph.node("Cast", [graph.node("Unsqueeze", ["attention_mask", graph.ints(2)])], to=9)
    # Chosen and not multiplied by 0: behind the last token there may be values that are no numbers.
    vectors = graph.node("Where", [shown, graph.node("Mul", [vectors, weight]), graph.scalar(0.0)])
    projection = graph.weight("projection", weights.get("projection.weight", config["output_size"], width).T)
    mask = graph.node("Cast", ["attention_mask"], to=1)
    sums = graph.node("Unsqueeze", [faded(graph, config, mask, mask), graph.ints(1)])
    pooled = graph.node("Squeeze", [graph.node("MatMul", [sums, vectors]), graph.ints(1)])
    hidden, tokens = graph.node("MatMul", [vectors, projection]), None
    if token_head(config):
        tokens = add_token_head(graph, weights, config, vectors=corrected, hidden=hidden, shown=shown, pooled=pooled)
    refuse_rest(weights, "", (), "xret-hybrid")
    return Built(hidden=hidden, pooled=graph.node("MatMul", [pooled, projection]), tokens=tokens)


def _embedded(graph: Graph, rows: str, scale: NDArray[np.float32]) -> str:
    """Token vectors (batch, tokens, hidden_size) in the graph's float type."""
    steps = graph.node("Gather", [graph.weight("scale", scale[:, None]), "input_ids"])
    return graph.node("Mul", [graph.to_float(rows), steps])


def _context(graph: Graph, weights: Weights, config: dict[str, Any], value: str) -> tuple[str, str]:
    """(correction (batch, tokens, hidden_size), gate (batch, tokens, 1)) of token vectors `value`."""
    width, size = config["hidden_size"], config["hidden_size"] // config["num_attention_heads"]
    turner = rotary(graph, rope_of(config, theta=_THETA), size=size, limit=int(config.get("max_length", _LENGTH)))
    value = _norm(graph, weights, config, "norm", value)
    for index in range(config["num_hidden_layers"]):
        name = f"layers.{index}."
        attended = _attend(graph, weights, config, name, turner, _norm(graph, weights, config, f"{name}norm1", value))
        value = graph.node("Add", [value, attended])
        fed = _feed(graph, weights, config, name, _norm(graph, weights, config, f"{name}norm2", value))
        value = graph.node("Add", [value, fed])
    value = _norm(graph, weights, config, "final_norm", value)
    correction = dense(graph, weights, "context.delta", value, bias=False, size=(width, width))
    # One column: too few for 8 bits, and what it gives goes through an exponential.
    matrix = graph.weight("gate.weight", weights.get("context.gate.weight", 1, width).T)
    gate = graph.node("MatMul", [value, matrix])
    return correction, graph.node("Add", [gate, vector(graph, weights, "context.gate.bias", 1)])


def _norm(graph: Graph, weights: Weights, config: dict[str, Any], name: str, value: str) -> str:
    inputs = [value, *norm(graph, weights, f"context.{name}", config["hidden_size"])]
    return graph.node("LayerNormalization", inputs, axis=-1, epsilon=float(config.get("layer_norm_eps", 1e-5)))


def _attend(
    graph: Graph, weights: Weights, config: dict[str, Any], name: str, turner: Rotary, value: str
) -> str:  # fmt: skip
    width = config["hidden_size"]
    joined = dense(graph, weights, f"context.{name}qkv", value, size=(width, 3 * width))
    query = graph.node("Split", [joined], outputs=3, axis=-1, num_outputs=3)
    query = graph.node("Split", [joined], outputs=3, axis=-1, num_outputs=3)
    key, value = f"{query}.1", f"{query}.2"
    turned = turner.turn(graph, query), turner.turn(graph, key)
    attended = attention(graph, turned[0], turned[1], value, heads=config["num_attention_heads"])
    return dense(graph, weights, f"context.{name}out", attended, size=(width, width))


def _feed(graph: Graph, weights: Weights, config: dict[str, Any], name: str, value: str) -> str:
    width, inner = config["hidden_size"], config["intermediate_size"]
    expanded = dense(graph, weights, f"context.{name}up", value, bias=False, size=(width, inner))
    active = activate(graph, expanded, vector(graph, weights, f"context.{name}up.bias", inner), "gelu")
    return dense(graph, weights, f"context.{name}down", active, size=(inner, width))


FAMILIES = {
    "xret-hybrid": Family(
        build=build,
        check=check,
        positions=lambda config: int(config.get("max_length", _LENGTH)),
        width=lambda config: int(must(config, "output_size", int)),
        apart=True,
        token_weights=True,
        token_head=token_head,
    )
}
