"""ModernBERT (Warner et al. 2024): pre-norm, gated GELU, RoPE; most layers see a window, every third the whole text."""

from __future__ import annotations

from typing import Any

import numpy as np

from xret.encoders.builders.affine import attend, gated, read
from xret.encoders.builders.family import Built, Family, check_code, must
from xret.encoders.builders.layers import check_activation, refuse_rest, vector
from xret.encoders.builders.places import places, window
from xret.encoders.builders.rotary import Rope, Rotary, rope_of, rotary
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import MICROSOFT, Graph
from xret.errors import ModelError

__all__ = ["FAMILIES"]

_PREFIXES = ("model.", "modernbert.")
_IGNORED = ("head.", "decoder.", "classifier.")
_FULL, _LOCAL = "full_attention", "sliding_attention"


def check(config: dict[str, Any]) -> None:
    """Refuse what is not an encoder of this family.

    Raises:
        ModelError: other code, an unknown activation, kind of layer or RoPE scaling, or odd sizes.
    """
    check_code(config, "ModernBert")
    check_activation(config.get("hidden_activation", "gelu"), key="hidden_activation")
    if unknown := set(_kinds(config)) - {_FULL, _LOCAL}:
        raise ModelError(f"config.json: layer type '{min(unknown)}' is not known here; known: {_FULL}, {_LOCAL}")
    for kind in (_FULL, _LOCAL):
        _rope(config, kind)
    if must(config, "hidden_size", int) % must(config, "num_attention_heads", int):
        raise ModelError("hidden_size is not a multiple of num_attention_heads in config.json")


def _kinds(config: dict[str, Any]) -> list[str]:
    """Each layer's kind: `layer_types` of transformers 5, or every n-th layer global before it."""
    count = must(config, "num_hidden_layers", int)
    if (named := config.get("layer_types")) is None:
        every = int(config.get("global_attn_every_n_layers", 3))
        return [_LOCAL if index % every else _FULL for index in range(count)]
    if not isinstance(named, list) or len(named) != count:
        raise ModelError(f"config.json: 'layer_types' is {named!r}, wanted a list of {count}")
    return [str(kind) for kind in named]


def _rope(config: dict[str, Any], kind: str) -> Rope:
    whole = float(config.get("global_rope_theta") or 160_000.0)
    # A null stands for the global layers' speed, a missing one for the family's default.
    local = float(config.get("local_rope_theta", 10_000.0) or whole)
    return rope_of(config, theta=whole if kind == _FULL else local, parameters=_parameters(config, kind))


def _parameters(config: dict[str, Any], kind: str) -> dict[str, Any] | None:
    if not isinstance(named := config.get("rope_parameters") or {}, dict):
        raise ModelError(f"config.json: 'rope_parameters' is {named!r}, wanted an object")
    return named.get(kind)


def build(graph: Graph, weights: Weights, config: dict[str, Any]) -> Built:
    """Add the encoder; gives the last hidden state (batch, tokens, hidden_size)."""
    prefix = next((p for p in _PREFIXES if f"{p}embeddings.tok_embeddings.weight" in weights), "")
    width, kinds = must(config, "hidden_size", int), _kinds(config)
    turners = _turners(graph, config, kinds)
    near = window(graph, must(config, "local_attention", int) // 2) if _LOCAL in kinds else ""
    words = weights.get(f"{prefix}embeddings.tok_embeddings.weight", must(config, "vocab_size", int), width)
    total = graph.node("Gather", [graph.weight("words", words), "input_ids"])
    total = value = _norm(graph, weights, config, f"{prefix}embeddings.norm", total)[1]  # also the first layer's
    branch = ""
    for index, kind in enumerate(kinds):
        base = f"{prefix}layers.{index}."
        if index:
            total, value = _norm(graph, weights, config, f"{base}attn_norm", total, branch)
        bias = near if kind == _LOCAL else ""
        attended = _attend(graph, weights, config, f"{base}attn.", turners[kind], value, bias)
        total, value = _norm(graph, weights, config, f"{base}mlp_norm", total, attended)
        branch = _feed(graph, weights, config, f"{base}mlp.", value)
    value = _norm(graph, weights, config, f"{prefix}final_norm", total, branch)[1]
    refuse_rest(weights, prefix, _IGNORED, config["model_type"])
    return Built(hidden=value)


def _turners(graph: Graph, config: dict[str, Any], kinds: list[str]) -> dict[str, Rotary]:
    size = must(config, "hidden_size", int) // must(config, "num_attention_heads", int)
    limit, positions = must(config, "max_position_embeddings", int), places(graph)
    return {
        kind: rotary(graph, _rope(config, kind), size=size, limit=limit, name=kind, positions=positions)
        for kind in sorted(set(kinds))
    }


def _norm(
    graph: Graph, weights: Weights, config: dict[str, Any], name: str, total: str, branch: str = ""
) -> tuple[str, str]:
    """The residual stream `total` with `branch` added to it, and its layer norm."""
    width, epsilon = must(config, "hidden_size", int), float(config.get("norm_eps", 1e-5))
    gain = vector(graph, weights, f"{name}.weight", width)
    shift = vector(graph, weights, f"{name}.bias", width) if config.get("norm_bias") else _zeros(graph, width)
    if not branch:
        return total, graph.node("LayerNormalization", [total, gain, shift], axis=-1, epsilon=epsilon)
    value = graph.node(
        "SkipLayerNormalization", [branch, total, gain, shift], outputs=4, domain=MICROSOFT, epsilon=epsilon
    )
    return f"{value}.3", value


def _zeros(graph: Graph, width: int) -> str:
    return graph.weight("zeros", np.zeros(width, np.float32))


def _attend(
    graph: Graph, weights: Weights, config: dict[str, Any], part: str, turner: Rotary, value: str, bias: str
) -> str:
    width, shifted = must(config, "hidden_size", int), bool(config.get("attention_bias", False))
    parts = read(weights, f"{part}Wqkv", width, 3 * width, bias=shifted).cut(3)
    heads = must(config, "num_attention_heads", int)
    attended = attend(graph, value, parts, heads=heads, rotary=turner, bias=bias)
    return read(weights, f"{part}Wo", width, width, bias=shifted).add(graph, attended)


def _feed(graph: Graph, weights: Weights, config: dict[str, Any], part: str, value: str) -> str:
    width, inner = must(config, "hidden_size", int), must(config, "intermediate_size", int)
    bias = bool(config.get("mlp_bias", False))
    gate, up = read(weights, f"{part}Wi", width, 2 * inner, bias=bias).cut(2)
    middle = gated(graph, value, gate, up, config.get("hidden_activation", "gelu"))
    return read(weights, f"{part}Wo", inner, width, bias=bias).add(graph, middle)


FAMILIES = {
    "modernbert": Family(
        build=build,
        check=check,
        positions=lambda config: int(must(config, "max_position_embeddings", int)),
        width=lambda config: int(must(config, "hidden_size", int)),
    )
}
