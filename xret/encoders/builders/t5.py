"""T5, mT5 and umT5 encoders (pre-RMS-norm, relative position buckets, unscaled attention) as fused ONNX graphs.

Raffel et al. 2020, Shazeer 2020 (gated feed-forward), Xue et al. 2021, Chung et al. 2023 (a bias table per layer). Read
from folders that hold the encoder alone and from whole models, whose decoder is left out.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.builders.attention import attention
from xret.encoders.builders.family import Built, Family, must
from xret.encoders.builders.layers import activate, check_activation, dense, refuse_rest, vector
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import MICROSOFT, Graph
from xret.errors import ModelError

__all__ = ["FAMILIES", "bucketing", "buckets", "close", "embed", "epsilon", "feed"]

_PREFIXES = ("encoder.", "transformer.encoder.", "")
_WORDS = ("shared", "transformer.shared", "lm_head", "decoder.embed_tokens")  # tied: one table
_DECODER = ("decoder.", "transformer.decoder.", "lm_head.", "shared.", "transformer.shared.")
_COUNTS = ("d_model", "d_kv", "d_ff", "num_layers", "num_heads", "vocab_size")
# There is no table that ends, and configs' n_positions is not kept to: what a checkpoint itself allows is taken up to
# here, where the bias of one text's attention takes 16 MB a head.
_LONGEST = 2048
_FARTHEST = 100_000  # that distances are told apart up to: a row of each head's table for every one


def check(config: dict[str, Any]) -> None:
    """Refuse what calls itself T5 and is not.

    Raises:
        ModelError: own code, a decoder, a missing size, an unknown activation, or buckets that cannot be.
    """
    kind = config["model_type"]
    if "auto_map" in config:
        raise ModelError(f"model_type '{kind}' with auto_map (code of its own): it is not a plain {kind}")
    if config.get("is_decoder"):
        raise ModelError(f"model_type '{kind}' as a decoder: only encoders give sentence vectors")
    for key in _COUNTS:
        if must(config, key, int) < 1:
            raise ModelError(f"config.json: '{key}' is {config[key]}, wanted 1 or more")
    check_activation(_feed_forward(config)[0], key="feed_forward_proj")
    count, distance = bucketing(config)
    if isinstance(distance, int) and distance > _FARTHEST:
        raise ModelError(
            f"config.json: 'relative_attention_max_distance' is {distance:,}, wanted {_FARTHEST:,} at most"
        )
    if not (isinstance(count, int) and isinstance(distance, int) and count >= 4 and distance > count // 4):
        raise ModelError(
            f"config.json: {count!r} relative attention buckets up to distance {distance!r}; "
            "wanted at least 4, and a distance above a quarter of that"
        )


def buckets(distances: NDArray[np.int64], *, count: int, longest: int, both: bool = True) -> NDArray[np.int64]:
    """The bucket of each distance (key's place less query's; Raffel et al. 2020, section 2.1).

    Half of the buckets are for keys behind the query; of each half, half stand for one distance each and the others for
    logarithmically growing ranges up to `longest`. Decoders see nothing behind: all buckets are for keys before it.

    Args:
        distances: any shape.
        count: of all buckets.
        longest: distances from here on share a bucket.
        both: whether keys stand on both sides, as in encoders.

    Returns:
        As `distances`, in [0, count).
    """
    half = count // 2 if both else count
    exact = half // 2
    far = np.abs(distances) if both else np.maximum(-distances, 0)
    # float32, and in this order, as torch computes it: many borders lie on whole numbers
    ratio = np.maximum(far, 1).astype(np.float32) / np.float32(exact)
    grown = np.log(ratio.astype(np.float64)).astype(np.float32) / np.float32(math.log(longest / exact))
    large = exact + (grown * np.float32(half - exact)).astype(np.int64)
    within = np.where(far < exact, far, np.minimum(large, half - 1))
    return np.asarray(within + half * (distances > 0) if both else within, np.int64)


def build(graph: Graph, weights: Weights, config: dict[str, Any]) -> Built:
    """Add the encoder; gives its last hidden state (batch, tokens, d_model), after the final norm."""
    prefix = next((p for p in _PREFIXES if f"{p}final_layer_norm.weight" in weights), _PREFIXES[0])
    places, layers, bias = _places(graph, config), config["num_layers"], ""
    total = embed(graph, weights, config, prefix)
    first = vector(graph, weights, f"{prefix}block.0.layer.0.layer_norm.weight", config["d_model"])
    value = graph.node("SimplifiedLayerNormalization", [total, first], axis=-1, epsilon=epsilon(config))
    for i in range(layers):
        layer = f"{prefix}block.{i}.layer"
        following = f"{prefix}final_layer_norm" if i + 1 == layers else f"{prefix}block.{i + 1}.layer.0.layer_norm"
        if i == 0 or config["model_type"] == "umt5":  # the others share the first layer's
            bias = _bias(graph, weights, config, f"{layer}.0.SelfAttention", places)
        attended = _attend(graph, weights, config, f"{layer}.0.SelfAttention", value, bias)
        value, total = close(graph, weights, config, attended, total, f"{layer}.1.layer_norm")
        inner = feed(graph, weights, config, f"{layer}.1.DenseReluDense", value)
        value, total = close(graph, weights, config, inner, total, following)
    refuse_rest(weights, "", [*_DECODER, f"{prefix}embed_tokens.weight"], f"{config['model_type']} encoder")
    return Built(hidden=value)


def bucketing(config: dict[str, Any]) -> tuple[int, int]:
    """Relative attention's buckets, and the distance from which on they are one."""
    return config.get("relative_attention_num_buckets", 32), config.get("relative_attention_max_distance", 128)


def _feed_forward(config: dict[str, Any]) -> tuple[str, bool]:
    """The activation, and whether it gates: ``relu``, ``gated-gelu`` (which means the tanh form), ``gated-silu``.

    Saved configs also have them apart, and those count, as in transformers.
    """
    kind = str(config.get("feed_forward_proj", "relu" if config["model_type"] == "t5" else "gated-gelu"))
    gate, _, activation = kind.rpartition("-")
    if gate not in ("", "gated"):
        raise ModelError(f"feed_forward_proj '{kind}' is not known here; wanted an activation, or gated-…")
    activation = "gelu_new" if kind == "gated-gelu" else activation
    return str(config.get("dense_act_fn", activation)), bool(config.get("is_gated_act", gate))


def epsilon(config: dict[str, Any]) -> float:
    """Of the norms."""
    return float(config.get("layer_norm_epsilon", 1e-6))


def embed(graph: Graph, weights: Weights, config: dict[str, Any], prefix: str) -> str:
    """The vectors of the input ids (batch, tokens, d_model), from the table of `prefix` or the one that all share."""
    names = [f"{name}.weight" for name in (f"{prefix}embed_tokens", *_WORDS)]
    name = next((name for name in names if name in weights), "shared.weight")
    words = graph.weight("words", weights.get(name, config["vocab_size"], config["d_model"]))
    return graph.node("Gather", [words, "input_ids"])


def _places(graph: Graph, config: dict[str, Any]) -> str:
    """int64 (tokens, tokens): the row of the table in `_bias` for each query and key."""
    length = graph.node("Squeeze", [graph.node("Shape", ["input_ids"], start=1, end=2)])
    zero, one = graph.weight("zero", np.array(0, np.int64)), graph.weight("one", np.array(1, np.int64))
    place = graph.node("Range", [zero, length, one])
    distance = graph.node("Sub", [graph.node("Unsqueeze", [place, graph.ints(0)]),
                                  graph.node("Unsqueeze", [place, graph.ints(1)])])  # fmt: skip
    _, longest = bucketing(config)
    low, high = (graph.weight(f"distance_{edge}", np.array(edge, np.int64)) for edge in (-longest, longest))
    return graph.node("Sub", [graph.node("Clip", [distance, low, high]), low])


def _bias(graph: Graph, weights: Weights, config: dict[str, Any], name: str, places: str) -> str:
    """(1, heads, tokens, tokens): added to the scores."""
    count, longest = bucketing(config)
    learned = weights.get(f"{name}.relative_attention_bias.weight", count, config["num_heads"])
    # By distance and no more by bucket: from `longest` on all distances share one.
    table = learned[buckets(np.arange(-longest, longest + 1), count=count, longest=longest)]
    rows = graph.node("Gather", [graph.weight(f"{name}.bias", np.ascontiguousarray(table.T)), places], axis=1)
    return graph.node("Unsqueeze", [rows, graph.ints(0)])


def _attend(graph: Graph, weights: Weights, config: dict[str, Any], name: str, value: str, bias: str) -> str:
    size = (config["d_model"], config["num_heads"] * config["d_kv"])
    query, key, content = (
        dense(graph, weights, f"{name}.{part}", value, bias=False, size=size) for part in ("q", "k", "v")
    )
    attended = attention(graph, query, key, content, heads=config["num_heads"], bias=bias, scale=1.0)
    return dense(graph, weights, f"{name}.o", attended, bias=False, size=size[::-1])


def feed(graph: Graph, weights: Weights, config: dict[str, Any], name: str, value: str) -> str:
    """The feed-forward layer `name` over (batch, tokens, d_model)."""
    kind, gated = _feed_forward(config)
    size = (config["d_model"], config["d_ff"])
    inner = dense(graph, weights, f"{name}.{'wi_0' if gated else 'wi'}", value, bias=False, size=size)
    inner = activate(graph, inner, "", kind)
    if gated:
        other = dense(graph, weights, f"{name}.wi_1", value, bias=False, size=size)
        inner = graph.node("Mul", [inner, other])
    return dense(graph, weights, f"{name}.wo", inner, bias=False, size=size[::-1])


def close(
    graph: Graph, weights: Weights, config: dict[str, Any], value: str, total: str, following: str
) -> tuple[str, str]:
    """What ends both halves of a layer: the residual, and the norm that the next half begins with."""
    gain = vector(graph, weights, f"{following}.weight", config["d_model"])
    normed = graph.node(
        "SkipSimplifiedLayerNormalization", [value, total, gain], domain=MICROSOFT, outputs=4,
        epsilon=epsilon(config),
    )  # fmt: skip
    return normed, f"{normed}.3"


# Trained in bfloat16: residuals and feed-forward outputs of the larger models go beyond float16's 65504 (for which
# transformers keeps `wo` in float32 and clamps infinities), so there is no fp16 graph.
FAMILIES = {
    kind: Family(
        build=build, check=check, positions=lambda config: _LONGEST,
        width=lambda config: int(must(config, "d_model", int)), half=False,
    )
    for kind in ("t5", "mt5", "umt5")
}  # fmt: skip
