"""LASER3's encoders, fairseq transformers with the layer norm before or after each half, as ONNX graphs.

Heffernan, Çelebi and Schwenk 2022; Ott et al. 2019 (fairseq). The checkpoint keeps everything under ``model.``, the
encoder perhaps under ``model.encoder.`` beside a decoder; config has fairseq's argument names
(`xret.encoders.laser.settings`).
"""

from __future__ import annotations

import math
from typing import Any

from xret.encoders.builders.attention import attention
from xret.encoders.builders.family import Built, Family, must
from xret.encoders.builders.layers import activate, check_activation, dense, norm, refuse_rest, vector
from xret.encoders.builders.m2m100 import sinusoids
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import MICROSOFT, Graph
from xret.errors import ModelError

__all__ = ["FAMILIES"]

_EPSILON = 1e-5  # torch's default
_COUNTS = ("encoder_embed_dim", "encoder_ffn_embed_dim", "encoder_layers", "encoder_attention_heads", "vocab_size")
_REFUSED = ("adaptive_input", "encoder_layers_to_keep")
_BUFFERS = ("version", "embed_positions._float_tensor", "embed_positions.weights")  # of no use, or computed


def check(config: dict[str, Any]) -> None:
    """Refuse what is not computed here.

    Raises:
        ModelError: adaptive inputs, dropped layers, an unknown activation or a missing size.
    """
    for key in _COUNTS:
        if must(config, key, int) < 1:
            raise ModelError(f"'{key}' is {config[key]}, wanted 1 or more")
    for key in _REFUSED:
        if config.get(key):
            raise ModelError(f"'{key}' is {str(config[key])[:40]!r}, which is not supported")
    check_activation(str(config.get("activation_fn", "relu")), key="activation_fn")
    if config["encoder_embed_dim"] % config["encoder_attention_heads"]:
        raise ModelError("encoder_embed_dim is not a multiple of encoder_attention_heads")
    if config["encoder_embed_dim"] < 4:
        raise ModelError("encoder_embed_dim is below 4: too narrow for sinusoidal positions")


def positions(config: dict[str, Any]) -> int:
    """The most tokens of a text."""
    return int(config.get("max_source_positions") or 1024)


def build(graph: Graph, weights: Weights, config: dict[str, Any]) -> Built:
    """Add the encoder; gives its output (batch, tokens, encoder_embed_dim)."""
    prefix = "model.encoder." if "model.encoder.embed_tokens.weight" in weights else "model."
    before, last = bool(config.get("encoder_normalize_before")), config["encoder_layers"] - 1
    total = value = _embed(graph, weights, config, prefix)
    if before:
        value = _norm(graph, weights, config, f"{prefix}layers.0.self_attn_layer_norm", total)
    for i in range(last + 1):
        layer = f"{prefix}layers.{i}."
        following = f"{prefix}layer_norm" if i == last else f"{prefix}layers.{i + 1}.self_attn_layer_norm"
        # The norm that ends each half: of the next half where norms come before, else its own.
        ends = ("final_layer_norm", following) if before else ("self_attn_layer_norm", f"{layer}final_layer_norm")
        attended = _attend(graph, weights, config, f"{layer}self_attn.", value)
        value, rest = _close(graph, weights, config, f"{layer}self_attn.out_proj", attended, total, layer + ends[0])
        inner = _inner(graph, weights, config, layer, value)
        value, rest = _close(graph, weights, config, f"{layer}fc2", inner, rest if before else value, ends[1])
        total = rest if before else value
    if not before and f"{prefix}layer_norm.weight" in weights:
        value = _norm(graph, weights, config, f"{prefix}layer_norm", value)
    ignored = [name for name in weights.names() if not name.startswith(prefix)]
    refuse_rest(weights, prefix, [*ignored, *_BUFFERS], "LASER3 encoder")
    return Built(hidden=value)


def _embed(graph: Graph, weights: Weights, config: dict[str, Any], prefix: str) -> str:
    width, most = config["encoder_embed_dim"], positions(config)
    words = weights.get(f"{prefix}embed_tokens.weight", config["vocab_size"], width)
    value = graph.node("Gather", [graph.weight("words", words), "input_ids"])
    if not config.get("no_scale_embedding"):
        value = graph.node("Mul", [value, graph.scalar(math.sqrt(width))])
    if not config.get("no_token_positional_embeddings"):
        start = config["pad_token_id"] + 1  # fairseq counts from the row behind padding's
        table = (
            weights.get(f"{prefix}embed_positions.weight", most + start, width)[start:]
            if config.get("encoder_learned_pos")
            else sinusoids(most, width, start=start)
        )
        tokens = graph.node("Gather", [graph.node("Shape", ["input_ids"]), graph.ints(1)])
        rows = graph.node("Slice", [graph.weight("positions", table), graph.ints(0), tokens, graph.ints(0)])
        value = graph.node("Add", [value, rows])
    if config.get("layernorm_embedding"):
        value = _norm(graph, weights, config, f"{prefix}layernorm_embedding", value)
    return value


def _norm(graph: Graph, weights: Weights, config: dict[str, Any], name: str, value: str) -> str:
    inputs = [value, *norm(graph, weights, name, config["encoder_embed_dim"])]
    return graph.node("LayerNormalization", inputs, axis=-1, epsilon=_EPSILON)


def _attend(graph: Graph, weights: Weights, config: dict[str, Any], prefix: str, value: str) -> str:
    size = (config["encoder_embed_dim"],) * 2
    query, key, content = (dense(graph, weights, f"{prefix}{part}_proj", value, size=size) for part in "qkv")
    return attention(graph, query, key, content, heads=config["encoder_attention_heads"])


def _inner(graph: Graph, weights: Weights, config: dict[str, Any], layer: str, value: str) -> str:
    size = (config["encoder_embed_dim"], config["encoder_ffn_embed_dim"])
    value = dense(graph, weights, f"{layer}fc1", value, bias=False, size=size)
    bias = vector(graph, weights, f"{layer}fc1.bias", size[1])
    return activate(graph, value, bias, str(config.get("activation_fn", "relu")))


def _close(
    graph: Graph, weights: Weights, config: dict[str, Any], name: str, value: str, total: str, following: str
) -> tuple[str, str]:
    """What ends both halves of a layer: dense, residual and a norm.

    Returns:
        The normed value, and the sum before the norm.
    """
    width = config["encoder_embed_dim"]
    out = dense(graph, weights, name, value, bias=False)
    inputs = [out, total, *norm(graph, weights, following, width), vector(graph, weights, f"{name}.bias", width)]
    normed = graph.node("SkipLayerNormalization", inputs, domain=MICROSOFT, outputs=4, epsilon=_EPSILON)
    return normed, f"{normed}.3"


FAMILIES = {
    "laser3": Family(
        build=build, check=check, positions=positions, width=lambda config: int(must(config, "encoder_embed_dim", int))
    )
}
