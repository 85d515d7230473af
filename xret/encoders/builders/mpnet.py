"""MPNet encoders (Song et al. 2020): BERT's block with relative position biases, one table for all layers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.builders.embedding import embed
from xret.encoders.builders.family import Built, Family, must
from xret.encoders.builders.layers import refuse_rest
from xret.encoders.builders.postnorm import ADAPTERS, Block, Parts, check_plain, layer, prefix_of
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph
from xret.errors import ModelError

__all__ = ["BUCKETS", "FAMILIES", "buckets"]

BUCKETS = 32  # whatever config.json says, the reference code spreads distances over this many
_FAR = 128  # tokens from which on all distances share a bucket
_PAD = 1  # fixed in the reference code, which never reads `pad_token_id`
_PREFIXES = ("mpnet.",)
_IGNORED = ("pooler.", "lm_head.", "classifier.", "qa_outputs.", "embeddings.position_ids")
_PARTS = Parts(
    query="attention.attn.q", key="attention.attn.k", value="attention.attn.v", attended="attention.attn.o",
    attended_norm="attention.LayerNorm",
)  # fmt: skip


def check(config: dict[str, Any]) -> None:
    """Refuse look-alikes, unknown activations, odd sizes and bias tables that are too small (ModelError)."""
    check_plain(config, _block(config))
    if (rows := config.get("relative_attention_num_buckets", BUCKETS)) < BUCKETS:
        raise ModelError(f"config.json: 'relative_attention_num_buckets' is {rows}, wanted {BUCKETS} or more")


def positions(config: dict[str, Any]) -> int:
    """The most tokens the position table allows: two rows come before the first token's."""
    return int(must(config, "max_position_embeddings", int)) - _PAD - 1


def build(graph: Graph, weights: Weights, config: dict[str, Any]) -> Built:
    """Add the encoder; gives the last hidden state (batch, tokens, hidden_size)."""
    prefix, block = prefix_of(weights, _PREFIXES), _block(config)
    rows, words = must(config, "max_position_embeddings", int), must(config, "vocab_size", int)
    table = weights.get(f"{prefix}embeddings.position_embeddings.weight", rows, block.width)
    value = embed(graph, weights, block, f"{prefix}embeddings.", words=words, positions=table, pad=_PAD)
    size = (config.get("relative_attention_num_buckets", BUCKETS), block.heads)
    bias = _bias(graph, weights.get(f"{prefix}encoder.relative_attention_bias.weight", *size), positions(config))
    for index in range(must(config, "num_hidden_layers", int)):
        value = layer(graph, weights, block, f"{prefix}encoder.layer.{index}.", value, bias=bias)
    refuse_rest(weights, prefix, _IGNORED, "mpnet")
    return Built(hidden=value)


def buckets(distances: NDArray[np.int64]) -> NDArray[np.int64]:
    """The row of the bias table for a key that lies `distances` tokens after its query (Raffel et al. 2020, 2.1).

    One half of the rows is for keys after the query; in each half, the first half of the rows is for one distance
    each, the others for logarithmically growing ranges up to `_FAR`.
    """
    half, exact = BUCKETS // 2, BUCKETS // 4
    apart = np.abs(distances)
    # In float32 like the reference: ranges begin where its rounding says.
    share = np.log(np.maximum(apart, 1).astype(np.float32) / exact) / np.float32(math.log(_FAR / exact))
    far = np.minimum(exact + (share * (half - exact)).astype(np.int64), half - 1)
    result: NDArray[np.int64] = np.where(apart < exact, apart, far) + half * (distances > 0)
    return result


def _bias(graph: Graph, table: NDArray[np.float32], limit: int) -> str:
    """(1, heads, tokens, tokens) added to the scores: once per batch, from a row of values per head and distance."""
    by_distance = table[buckets(np.arange(1 - limit, limit))].T
    count = graph.node("Gather", [graph.node("Shape", ["input_ids"]), graph.weight("one", np.array(1, np.int64))])
    start, step = graph.weight("zero", np.array(0, np.int64)), graph.weight("one", np.array(1, np.int64))
    places = graph.node("Range", [start, count, step])
    query = graph.node("Unsqueeze", [places, graph.ints(1)])
    distance = graph.node("Sub", [graph.node("Unsqueeze", [places, graph.ints(0)]), query])
    index = graph.node("Add", [distance, graph.ints(limit - 1)])
    values = graph.node("Gather", [graph.weight("bias_by_distance", by_distance), index], axis=1)
    return graph.node("Unsqueeze", [values, graph.ints(0)])


def _block(config: dict[str, Any]) -> Block:
    return replace(Block.of(config), parts=_PARTS, adapters=config.get(ADAPTERS, ()))


FAMILIES = {
    "mpnet": Family(
        build=build, check=check, positions=positions, width=lambda config: int(must(config, "hidden_size", int))
    )
}
