"""Jina v2 encoders: ``model_type`` bert with ALiBi and a gated feed-forward part instead of BERT's.

Günther et al. 2023, "Jina Embeddings 2"; biases after Press et al. 2022, "Train Short, Test Long", taken both ways.
Reads both of Jina's layouts: the text models', and the code model's with layer norms on queries and keys.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from xret.encoders.builders.affine import attend, close, gated, read
from xret.encoders.builders.attention import attention
from xret.encoders.builders.family import Built, Family, check_code, must
from xret.encoders.builders.layers import norm, refuse_rest
from xret.encoders.builders.places import distances
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import MICROSOFT, Graph
from xret.errors import ModelError

__all__ = ["FAMILIES", "slopes"]

_PREFIXES = ("bert.", "model.")
_IGNORED = ("pooler.", "cls.", "classifier.", "embeddings.position_ids", "embeddings.token_type_ids")
_GATES = {"geglu": "gelu", "reglu": "relu"}  # feed_forward_type -> activation


def check(config: dict[str, Any]) -> None:
    """Refuse what is not an encoder of this family.

    Raises:
        ModelError: other code or positions, a feed-forward part without a gate, a decoder, or odd sizes.
    """
    check_code(config, "JinaBert")
    if (position := config.get("position_embedding_type")) != "alibi":
        raise ModelError(f"position_embedding_type '{position}': Jina v2 encoders have 'alibi'")
    if (form := config.get("feed_forward_type")) not in _GATES:
        raise ModelError(f"feed_forward_type '{form}' is not known here; known: {', '.join(sorted(_GATES))}")
    if config.get("is_decoder") or config.get("add_cross_attention"):
        raise ModelError("model_type 'bert' as a decoder: only encoders give sentence vectors")
    if must(config, "hidden_size", int) % must(config, "num_attention_heads", int):
        raise ModelError("hidden_size is not a multiple of num_attention_heads in config.json")


def slopes(heads: int) -> list[float]:
    """How much each head's scores fall per place: 2^(-8 i / heads), i from 1, for powers of two.

    For other numbers those of the next smaller power of two, then every second one of the next larger's.
    """
    whole = 2 ** math.floor(math.log2(heads))
    exact = [2.0 ** (-8 * (index + 1) / whole) for index in range(whole)]
    return exact if whole == heads else exact + slopes(2 * whole)[0::2][: heads - whole]


def build(graph: Graph, weights: Weights, config: dict[str, Any]) -> Built:
    """Add the encoder; gives the last hidden state (batch, tokens, hidden_size)."""
    prefix = next((p for p in _PREFIXES if f"{p}embeddings.word_embeddings.weight" in weights), "")
    value = _embed(graph, weights, config, f"{prefix}embeddings.")
    bias = _bias(graph, must(config, "num_attention_heads", int))
    for index in range(must(config, "num_hidden_layers", int)):
        base = f"{prefix}encoder.layer.{index}."
        layer = _code_layer if f"{base}mlp.up_gated_layer.weight" in weights else _text_layer
        value = layer(graph, weights, config, base, value, bias)
    refuse_rest(weights, prefix, _IGNORED, "Jina v2 encoder")
    return Built(hidden=value)


def _bias(graph: Graph, heads: int) -> str:
    """(1, heads, tokens, tokens): minus slope times distance."""
    falls = graph.weight("slopes", -np.array(slopes(heads), np.float32).reshape(1, heads, 1, 1))
    return graph.node("Mul", [graph.to_float(distances(graph)), falls], name="alibi")


def _embed(graph: Graph, weights: Weights, config: dict[str, Any], prefix: str) -> str:
    width = must(config, "hidden_size", int)
    words = weights.get(f"{prefix}word_embeddings.weight", must(config, "vocab_size", int), width)
    value = graph.node("Gather", [graph.weight("words", words), "input_ids"])
    first = weights.get(f"{prefix}token_type_embeddings.weight", config.get("type_vocab_size", 2), width)[0]
    value = graph.node("Add", [value, graph.weight("type", first)])  # every token is of type 0
    return _norm(graph, weights, config, f"{prefix}LayerNorm", value)


def _text_layer(graph: Graph, weights: Weights, config: dict[str, Any], base: str, value: str, bias: str) -> str:
    width, inner, heads = _sizes(config)
    parts = tuple(read(weights, f"{base}attention.self.{part}", width, width) for part in ("query", "key", "value"))
    attended = attend(graph, value, parts, heads=heads, bias=bias)
    value = _close(graph, weights, config, f"{base}attention.output.dense", f"{base}attention.output.LayerNorm",
                   attended, value)  # fmt: skip
    gate, up = read(weights, f"{base}mlp.gated_layers", width, 2 * inner, bias=False).cut(2)
    middle = gated(graph, value, gate, up, _GATES[config["feed_forward_type"]])
    return _close(graph, weights, config, f"{base}mlp.wo", f"{base}mlp.layernorm", middle, value)


def _code_layer(graph: Graph, weights: Weights, config: dict[str, Any], base: str, value: str, bias: str) -> str:
    width, inner, heads = _sizes(config)
    query, key, content = (
        read(weights, f"{base}attention.self.{part}", width, width).add(graph, value)
        for part in ("query", "key", "value")
    )
    query = _norm(graph, weights, config, f"{base}attention.self.layer_norm_q", query)
    key = _norm(graph, weights, config, f"{base}attention.self.layer_norm_k", key)
    attended = attention(graph, query, key, content, heads=heads, bias=bias)
    closed = _close(graph, weights, config, f"{base}attention.output.dense", f"{base}attention.output.LayerNorm",
                    attended, value)  # fmt: skip
    first = norm(graph, weights, f"{base}layer_norm_1", width)  # the residual comes in a second time
    value = graph.node("SkipLayerNormalization", [closed, value, *first], domain=MICROSOFT, epsilon=_eps(config))
    up, gate = read(weights, f"{base}mlp.up_gated_layer", width, 2 * inner, bias=False).cut(2)
    middle = gated(graph, value, gate, up, _GATES[config["feed_forward_type"]])
    return _close(graph, weights, config, f"{base}mlp.down_layer", f"{base}layer_norm_2", middle, value)


def _close(
    graph: Graph, weights: Weights, config: dict[str, Any], name: str, norm_name: str, value: str, residual: str
) -> str:
    width, inner, _ = _sizes(config)
    layer = read(weights, name, inner if ".mlp." in name else width, width)
    return close(graph, layer, norm(graph, weights, norm_name, width), _eps(config), value, residual)


def _norm(graph: Graph, weights: Weights, config: dict[str, Any], name: str, value: str) -> str:
    gain = norm(graph, weights, name, must(config, "hidden_size", int))
    return graph.node("LayerNormalization", [value, *gain], axis=-1, epsilon=_eps(config))


def _sizes(config: dict[str, Any]) -> tuple[int, int, int]:
    return tuple(must(config, key, int) for key in ("hidden_size", "intermediate_size", "num_attention_heads"))  # type: ignore[return-value]


def _eps(config: dict[str, Any]) -> float:
    return float(config.get("layer_norm_eps", 1e-12))


FAMILIES = {
    "bert": Family(
        build=build,
        check=check,
        # ALiBi has no table; Jina states how far the model is meant to go.
        positions=lambda config: int(must(config, "max_position_embeddings", int)),
        width=lambda config: int(must(config, "hidden_size", int)),
    )
}
