"""Llama's layers (Touvron et al. 2023) as encoders use them: pre-RMSNorm, rotary positions, gates, shared heads."""

from __future__ import annotations

from typing import Any

from xret.encoders.builders.affine import Affine, gated, read, repeat
from xret.encoders.builders.attention import attention
from xret.encoders.builders.family import must
from xret.encoders.builders.layers import check_activation, refuse_rest, vector
from xret.encoders.builders.rotary import Rotary, rope_of, rotary
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import MICROSOFT, Graph
from xret.errors import ModelError

__all__ = ["check_sizes", "stack"]

_IGNORED = ("lm_head.", "classifier.", "dense.", "score.")


def check_sizes(config: dict[str, Any], *, theta: float) -> None:
    """Refuse what `stack` cannot build.

    Args:
        config: the content of config.json.
        theta: the family's base of RoPE where the config names none.

    Raises:
        ModelError: an unknown activation or RoPE scaling, or head counts that do not divide each other.
    """
    check_activation(config.get("hidden_act", "silu"))
    rope_of(config, theta=theta)
    heads, groups, size = _heads(config)
    if groups < 1 or heads % groups:
        raise ModelError(f"config.json: {heads} attention heads cannot share {groups} key and value heads")
    if size < 2 or size % 2:
        raise ModelError(f"config.json: heads of {size} features cannot be rotated")


def _heads(config: dict[str, Any]) -> tuple[int, int, int]:
    """Heads of queries, heads of keys and values, features per head."""
    width, heads = must(config, "hidden_size", int), must(config, "num_attention_heads", int)
    size = config.get("head_dim")
    if heads < 1 or (size is None and width % heads):
        raise ModelError("hidden_size is not a multiple of num_attention_heads in config.json")
    groups = config.get("num_key_value_heads")
    return heads, heads if groups is None else int(groups), width // heads if size is None else int(size)


def stack(
    graph: Graph, weights: Weights, config: dict[str, Any], *, theta: float, epsilon: float, normed: bool = False,
    bias: str = "",
) -> str:  # fmt: skip
    """The whole encoder.

    Args:
        graph: where to.
        weights: of the checkpoint, bare or inside a model for a task.
        config: the content of config.json.
        theta: the family's base of RoPE where the config names none.
        epsilon: of the norms, where the config names none.
        normed: whether every head's queries and keys go through an RMSNorm of their own.
        bias: added to the attention scores, see `attention`.

    Returns:
        (batch, tokens, hidden_size).

    Raises:
        ModelError: tensors are missing, of other shapes or left over.
    """
    prefix = "model." if "model.embed_tokens.weight" in weights else ""
    config = {"rms_norm_eps": epsilon, **config}
    width, limit = must(config, "hidden_size", int), must(config, "max_position_embeddings", int)
    turner = rotary(graph, rope_of(config, theta=theta), size=_heads(config)[2], limit=limit)
    words = weights.get(f"{prefix}embed_tokens.weight", must(config, "vocab_size", int), width)
    total, branch = graph.node("Gather", [graph.weight("words", words), "input_ids"]), ""
    for index in range(must(config, "num_hidden_layers", int)):
        base = f"{prefix}layers.{index}."
        total, value = _norm(graph, weights, config, f"{base}input_layernorm", total, branch)
        attended = _attend(graph, weights, config, f"{base}self_attn.", turner, value, normed=normed, bias=bias)
        total, value = _norm(graph, weights, config, f"{base}post_attention_layernorm", total, attended)
        branch = _feed(graph, weights, config, f"{base}mlp.", value)
    _, value = _norm(graph, weights, config, f"{prefix}norm", total, branch)
    refuse_rest(weights, prefix, _IGNORED, config["model_type"])
    return value


def _norm(
    graph: Graph, weights: Weights, config: dict[str, Any], name: str, total: str, branch: str
) -> tuple[str, str]:
    """The residual stream `total` with `branch` added to it, and its RMSNorm (Zhang and Sennrich 2019)."""
    gain = vector(graph, weights, f"{name}.weight", must(config, "hidden_size", int))
    if not branch:
        return total, _scale(graph, config, total, gain)
    value = graph.node(
        "SkipSimplifiedLayerNormalization", [branch, total, gain], outputs=4, domain=MICROSOFT,
        epsilon=float(config["rms_norm_eps"]),
    )  # fmt: skip
    return f"{value}.3", value


def _scale(graph: Graph, config: dict[str, Any], value: str, gain: str) -> str:
    return graph.node("SimplifiedLayerNormalization", [value, gain], axis=-1, epsilon=float(config["rms_norm_eps"]))


def _attend(
    graph: Graph, weights: Weights, config: dict[str, Any], part: str, turner: Rotary, value: str, *, normed: bool,
    bias: str,
) -> str:  # fmt: skip
    heads, groups, size = _heads(config)
    query, key, content = (
        _project(weights, config, f"{part}{name}_proj", count * size).add(graph, value)
        for name, count in (("q", heads), ("k", groups), ("v", groups))
    )
    if normed:
        query = _norm_heads(graph, weights, config, f"{part}q_norm", query, heads)
        key = _norm_heads(graph, weights, config, f"{part}k_norm", key, groups)
    query, key = turner.turn(graph, query), turner.turn(graph, key)
    key, content = (repeat(graph, kept, groups, heads // groups) for kept in (key, content))
    attended = attention(graph, query, key, content, heads=heads, bias=bias)
    shifted = bool(config.get("attention_bias", False))
    return read(weights, f"{part}o_proj", heads * size, config["hidden_size"], bias=shifted).add(graph, attended)


def _project(weights: Weights, config: dict[str, Any], name: str, outputs: int) -> Affine:
    return read(weights, name, config["hidden_size"], outputs, bias=bool(config.get("attention_bias", False)))


def _norm_heads(graph: Graph, weights: Weights, config: dict[str, Any], name: str, value: str, heads: int) -> str:
    gain = vector(graph, weights, f"{name}.weight", _heads(config)[2])
    apart = graph.node("Reshape", [value, graph.ints(0, 0, heads, -1)])
    return graph.node("Reshape", [_scale(graph, config, apart, gain), graph.ints(0, 0, -1)])


def _feed(graph: Graph, weights: Weights, config: dict[str, Any], part: str, value: str) -> str:
    width, inner = must(config, "hidden_size", int), must(config, "intermediate_size", int)
    bias = bool(config.get("mlp_bias", False))
    gate, up = (read(weights, f"{part}{name}_proj", width, inner, bias=bias) for name in ("gate", "up"))
    middle = gated(graph, value, gate, up, config.get("hidden_act", "silu"))
    return read(weights, f"{part}down_proj", inner, width, bias=bias).add(graph, middle)
