"""The encoder of M2M100, NLLB and SONAR (pre-layer-norm, sinusoidal positions) as a fused ONNX graph.

Fan et al. 2021, Costa-jussà et al. 2022, Duquenne et al. 2023. Read from folders that hold the encoder alone and from
whole translation models, whose decoder is left out.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.builders.attention import attention
from xret.encoders.builders.family import Built, Family, must
from xret.encoders.builders.layers import activate, check_activation, dense, norm, refuse_rest, vector
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import MICROSOFT, Graph
from xret.errors import ModelError

__all__ = ["FAMILIES", "sinusoids"]

_PREFIXES = ("model.encoder.", "encoder.", "")
_WORDS = ("shared", "model.shared", "lm_head", "decoder.embed_tokens", "model.decoder.embed_tokens")  # tied: one table
_DECODER = ("decoder.", "model.decoder.", "lm_head.", "final_logits_bias", "shared.", "model.shared.")
_POSITIONS = "embed_positions.weights"  # old folders keep the computed table
_EPSILON = 1e-5  # torch's default; the config has none
_COUNTS = ("d_model", "encoder_layers", "encoder_ffn_dim", "encoder_attention_heads", "vocab_size")


def check(config: dict[str, Any]) -> None:
    """Refuse what calls itself M2M100 and is not.

    Raises:
        ModelError: own code, a missing size, an odd width, or an unknown activation.
    """
    if "auto_map" in config:
        raise ModelError("model_type 'm2m_100' with auto_map (code of its own): it is not a plain M2M100")
    for key in _COUNTS:
        if must(config, key, int) < 1:
            raise ModelError(f"config.json: '{key}' is {config[key]}, wanted 1 or more")
    check_activation(config.get("activation_function", "relu"), key="activation_function")
    if config["d_model"] % config["encoder_attention_heads"]:
        raise ModelError("d_model is not a multiple of encoder_attention_heads in config.json")
    if config["d_model"] < 4:
        raise ModelError("d_model is below 4 in config.json: too narrow for sinusoidal positions")


def positions(config: dict[str, Any]) -> int:
    """The most tokens of a text. The table can be computed for any length, but the model saw no more in training."""
    return int(config.get("max_position_embeddings", 1024))


def sinusoids(count: int, width: int, *, start: int) -> NDArray[np.float32]:
    """Sinusoidal positions (Vaswani et al. 2017, section 3.5, in tensor2tensor's variant): sines, then cosines.

    Args:
        count: rows.
        width: columns.
        start: the position of the first row.

    Returns:
        (count, width) float32.
    """
    half = width // 2
    # Rounded to float32 where torch's float32 arithmetic rounds: at position 1000 the angle's own rounding shows.
    steps = np.arange(half, dtype=np.float32) * np.float32(-math.log(10000) / (half - 1))
    rates = np.exp(steps.astype(np.float64)).astype(np.float32)
    angles = np.arange(start, start + count, dtype=np.float32)[:, None] * rates
    table = np.concatenate([np.sin(angles), np.cos(angles), np.zeros((count, width % 2), np.float32)], axis=1)
    return table.astype(np.float32)


def build(graph: Graph, weights: Weights, config: dict[str, Any]) -> Built:
    """Add the encoder; gives its last hidden state (batch, tokens, d_model), after the final layer norm."""
    prefix = next((p for p in _PREFIXES if f"{p}layer_norm.weight" in weights), "")
    total = _embed(graph, weights, config, prefix)
    width = config["d_model"]
    start = norm(graph, weights, f"{prefix}layers.0.self_attn_layer_norm", width)
    value = graph.node("LayerNormalization", [total, *start], axis=-1, epsilon=_EPSILON)
    for i in range(config["encoder_layers"]):
        layer = f"{prefix}layers.{i}"
        last = i + 1 == config["encoder_layers"]
        following = f"{prefix}layer_norm" if last else f"{prefix}layers.{i + 1}.self_attn_layer_norm"
        attended = _attend(graph, weights, config, layer, value)
        name = f"{layer}.self_attn.out_proj"
        value, total = _close(graph, weights, name, attended, total, f"{layer}.final_layer_norm", width)
        inner = dense(graph, weights, f"{layer}.fc1", value, bias=False, size=(width, config["encoder_ffn_dim"]))
        bias = vector(graph, weights, f"{layer}.fc1.bias", config["encoder_ffn_dim"])
        inner = activate(graph, inner, bias, config.get("activation_function", "relu"))
        value, total = _close(graph, weights, f"{layer}.fc2", inner, total, following, width)
    _refuse_rest(weights, prefix)
    return Built(hidden=value)


def _embed(graph: Graph, weights: Weights, config: dict[str, Any], prefix: str) -> str:
    """Words times sqrt(d_model), plus positions."""
    width = config["d_model"]
    names = [f"{name}.weight" for name in (f"{prefix}embed_tokens", *_WORDS)]
    name = next((name for name in names if name in weights), names[0])
    words = graph.weight("words", weights.get(name, config["vocab_size"], width))
    value = graph.node("Gather", [words, "input_ids"])
    if config.get("scale_embedding", True):  # in the graph, so that the large table stays mapped as it is
        value = graph.node("Mul", [value, graph.scalar(math.sqrt(width))])
    pad = int(config.get("pad_token_id", 1))
    table = sinusoids(positions(config) + 1, width, start=pad)
    table[0] = 0  # the place of padding, which a text may spell out
    rows = graph.node("Gather", [graph.weight("positions", table), _places(graph, pad)])
    return graph.node("Add", [value, rows])


def _places(graph: Graph, pad: int) -> str:
    """int64 (batch, tokens): 1, 2, … for all tokens but padding, which is at 0."""
    padding = graph.node("Equal", ["input_ids", graph.weight("pad_id", np.array(pad, np.int64))])
    real = graph.node("Cast", [graph.node("Not", [padding])], to=7)
    return graph.node("Mul", [graph.node("CumSum", [real, graph.ints(1)]), real])


def _attend(graph: Graph, weights: Weights, config: dict[str, Any], layer: str, value: str) -> str:
    width = config["d_model"]
    query, key, content = (
        dense(graph, weights, f"{layer}.self_attn.{part}_proj", value, size=(width, width)) for part in "qkv"
    )
    return attention(graph, query, key, content, heads=config["encoder_attention_heads"])


def _close(
    graph: Graph, weights: Weights, name: str, value: str, total: str, following: str, width: int
) -> tuple[str, str]:
    """What ends both halves of a layer: dense, residual, and the norm that the next half begins with.

    Returns:
        The normed value, and the running total before the norm.
    """
    out = dense(graph, weights, name, value, bias=False)
    inputs = [out, total, *norm(graph, weights, following, width), vector(graph, weights, f"{name}.bias", width)]
    normed = graph.node("SkipLayerNormalization", inputs, domain=MICROSOFT, outputs=4, epsilon=_EPSILON)
    return normed, f"{normed}.3"


def _refuse_rest(weights: Weights, prefix: str) -> None:
    refuse_rest(weights, "", [*_DECODER, f"{prefix}{_POSITIONS}", f"{prefix}embed_tokens.weight"], "M2M100 encoder")


FAMILIES = {
    "m2m_100": Family(
        build=build,
        check=check,
        positions=positions,
        width=lambda config: int(must(config, "d_model", int)),
    )
}
