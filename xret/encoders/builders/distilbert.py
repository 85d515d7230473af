"""DistilBERT encoders (Sanh et al. 2019): BERT's block under other names, without token types, half the layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.builders.embedding import embed
from xret.encoders.builders.family import Built, Family, must
from xret.encoders.builders.layers import refuse_rest
from xret.encoders.builders.postnorm import ADAPTERS, Block, Parts, check_plain, layer, prefix_of
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph

__all__ = ["FAMILIES"]

_PREFIXES = ("distilbert.",)
_IGNORED = (
    *("vocab_transform.", "vocab_layer_norm.", "vocab_projector.", "pre_classifier.", "classifier.", "qa_outputs."),
    "embeddings.position_ids",
)
_PARTS = Parts(
    query="attention.q_lin", key="attention.k_lin", value="attention.v_lin", attended="attention.out_lin",
    attended_norm="sa_layer_norm", inner="ffn.lin1", outer="ffn.lin2", outer_norm="output_layer_norm",
)  # fmt: skip


def check(config: dict[str, Any]) -> None:
    """Refuse look-alikes, unknown activations and odd sizes (ModelError)."""
    check_plain(config, _block(config))


def build(graph: Graph, weights: Weights, config: dict[str, Any]) -> Built:
    """Add the encoder; gives the last hidden state (batch, tokens, dim)."""
    prefix, block = prefix_of(weights, _PREFIXES), _block(config)
    words, table = must(config, "vocab_size", int), _positions(weights, config, f"{prefix}embeddings.")
    value = embed(graph, weights, block, f"{prefix}embeddings.", words=words, positions=table)
    for index in range(must(config, "n_layers", int)):
        value = layer(graph, weights, block, f"{prefix}transformer.layer.{index}.", value)
    refuse_rest(weights, prefix, _IGNORED, "distilbert")
    return Built(hidden=value)


def _block(config: dict[str, Any]) -> Block:
    return Block(
        width=must(config, "dim", int), inner=must(config, "hidden_dim", int), heads=must(config, "n_heads", int),
        activation=config.get("activation", "gelu"), epsilon=1e-12, parts=_PARTS,
        adapters=config.get(ADAPTERS, ()),
    )  # fmt: skip


def _positions(weights: Weights, config: dict[str, Any], prefix: str) -> NDArray[np.float32]:
    rows, width = must(config, "max_position_embeddings", int), must(config, "dim", int)
    name = f"{prefix}position_embeddings.weight"
    if name in weights or not config.get("sinusoidal_pos_embds"):
        return weights.get(name, rows, width)
    # Sinusoids are usually saved with the rest; this is what a checkpoint without them starts from.
    angles = np.arange(rows)[:, None] / np.power(10000, 2 * (np.arange(width) // 2) / width)
    return np.where(np.arange(width) % 2, np.cos(angles), np.sin(angles)).astype(np.float32)


FAMILIES = {
    "distilbert": Family(
        build=build,
        check=check,
        positions=lambda config: int(must(config, "max_position_embeddings", int)),
        width=lambda config: int(must(config, "dim", int)),
    )
}
