"""GTE encoders (rotary positions, gated GELU, post-layer-norm): gte-multilingual, gte-*-v1.5, Arctic-Embed-m-v2.

Zhang et al. 2024, "mGTE". Reads both spellings of the config (Alibaba's `new`, `gte` of Snowflake and transformers) and
both tensor layouts (merged ``attention.qkv_proj``/``mlp.up_gate_proj``, or transformers' separate layers).
"""

from __future__ import annotations

from typing import Any

from xret.encoders.builders.affine import Affine, attend, close, gated, read
from xret.encoders.builders.family import Built, Family, check_code, must
from xret.encoders.builders.layers import check_activation, norm, refuse_rest
from xret.encoders.builders.rotary import Rotary, rope_of, rotary
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph
from xret.errors import ModelError

__all__ = ["FAMILIES"]

_PREFIXES = ("new.", "gte.", "model.")
_IGNORED = ("pooler.", "classifier.", "lm_head.", "embeddings.position_ids")
_THETA = 160_000.0  # transformers' default for `gte`


def check(config: dict[str, Any]) -> None:
    """Refuse the variants of Alibaba's code that no published encoder uses.

    Raises:
        ModelError: other code, positions, norms or attention scales, an unknown activation or RoPE scaling, odd sizes.
    """
    kind = config["model_type"]
    check_code(config, "New", "Gte", "GTE")
    for key, plain in (("position_embedding_type", "rope"), ("layer_norm_type", "layer_norm")):
        if (found := config.get(key, plain)) != plain:
            raise ModelError(f"model_type '{kind}' with {key} '{found}': only '{plain}' is supported")
    if config.get("logn_attention_scale"):
        raise ModelError(f"model_type '{kind}' with logn_attention_scale: attention scaled by length is not supported")
    check_activation(config.get("hidden_act", "gelu"))
    rope_of(config, theta=_theta(config))
    if must(config, "hidden_size", int) % must(config, "num_attention_heads", int):
        raise ModelError("hidden_size is not a multiple of num_attention_heads in config.json")


def _theta(config: dict[str, Any]) -> float:
    """RoPE's base where the config names none: Alibaba's code and transformers differ."""
    return 10_000.0 if config["model_type"] == "new" else _THETA


def build(graph: Graph, weights: Weights, config: dict[str, Any]) -> Built:
    """Add the encoder; gives the last hidden state (batch, tokens, hidden_size)."""
    prefix = next((p for p in _PREFIXES if f"{p}embeddings.word_embeddings.weight" in weights), "")
    width, heads = must(config, "hidden_size", int), must(config, "num_attention_heads", int)
    rope = rope_of(config, theta=_theta(config))
    turner = rotary(graph, rope, size=width // heads, limit=must(config, "max_position_embeddings", int))
    value = _embed(graph, weights, config, f"{prefix}embeddings.", width)
    for index in range(must(config, "num_hidden_layers", int)):
        value = _layer(graph, weights, config, prefix, index, turner, value)
    refuse_rest(weights, prefix, _IGNORED, config["model_type"])
    return Built(hidden=value)


def _embed(graph: Graph, weights: Weights, config: dict[str, Any], prefix: str, width: int) -> str:
    words = weights.get(f"{prefix}word_embeddings.weight", must(config, "vocab_size", int), width)
    value = graph.node("Gather", [graph.weight("words", words), "input_ids"])
    if types := config.get("type_vocab_size", 1):  # every token is of type 0; gte-base-en-v1.5 has no types
        first = weights.get(f"{prefix}token_type_embeddings.weight", types, width)[0]
        value = graph.node("Add", [value, graph.weight("type", first)])
    gain = norm(graph, weights, f"{prefix}LayerNorm", width)
    return graph.node("LayerNormalization", [value, *gain], axis=-1, epsilon=_eps(config))


def _layer(
    graph: Graph, weights: Weights, config: dict[str, Any], prefix: str, index: int, turner: Rotary, value: str
) -> str:
    width, heads, inner = (
        must(config, f"{k}", int) for k in ("hidden_size", "num_attention_heads", "intermediate_size")
    )
    old = f"{prefix}encoder.layer.{index}."
    merged = f"{old}attn_ln.weight" in weights
    base = old if merged else f"{prefix}layers.{index}."
    part = f"{base}attention." if merged else f"{base}self_attn."
    names = ("attn_ln", "mlp_ln") if merged else ("post_attention_layernorm", "post_mlp_layernorm")
    first, second = (norm(graph, weights, f"{base}{name}", width) for name in names)
    up, gate = _halves(weights, f"{base}mlp.", width, inner)
    attended = attend(graph, value, _projections(weights, part, width), heads=heads, rotary=turner)
    value = close(graph, read(weights, f"{part}o_proj", width, width), first, _eps(config), attended, value)
    middle = gated(graph, value, gate, up, config.get("hidden_act", "gelu"))
    return close(graph, read(weights, f"{base}mlp.down_proj", inner, width), second, _eps(config), middle, value)


def _projections(weights: Weights, part: str, width: int) -> tuple[Affine, ...]:
    if f"{part}qkv_proj.weight" in weights:
        return read(weights, f"{part}qkv_proj", width, 3 * width).cut(3)
    return tuple(read(weights, f"{part}{name}_proj", width, width) for name in "qkv")


def _halves(weights: Weights, part: str, width: int, inner: int) -> tuple[Affine, ...]:
    """The layers called up and gate, of which the second is activated."""
    if f"{part}up_gate_proj.weight" in weights:
        return read(weights, f"{part}up_gate_proj", width, 2 * inner, bias=False).cut(2)
    return tuple(read(weights, f"{part}{name}_proj", width, inner, bias=False) for name in ("up", "gate"))


def _eps(config: dict[str, Any]) -> float:
    return float(config.get("layer_norm_eps", 1e-12))


FAMILIES = {
    kind: Family(
        build=build,
        check=check,
        # The stretched context is counted already: gte-multilingual-base says 8192 with an ntk factor of 8.
        positions=lambda config: int(must(config, "max_position_embeddings", int)),
        width=lambda config: int(must(config, "hidden_size", int)),
    )
    for kind in ("gte", "new")
}
