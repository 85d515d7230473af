"""Qwen3 as an embedding model (Zhang et al. 2025): a decoder whose last token has seen the whole text.

Llama's layers with an RMSNorm on every head's queries and keys; each token sees itself and what comes before it.
"""

from __future__ import annotations

from typing import Any

from xret.encoders.builders.family import Built, Family, check_code, must
from xret.encoders.builders.llama import check_sizes, stack
from xret.encoders.builders.places import causal
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph
from xret.errors import ModelError

__all__ = ["FAMILIES"]

_THETA = 10_000.0  # what transformers takes where the config names none; published models say 1000000


def check(config: dict[str, Any]) -> None:
    """Refuse what is not a plain Qwen3.

    Raises:
        ModelError: other code, windows, an unknown activation or RoPE scaling, or sizes that do not fit.
    """
    check_code(config)
    if config.get("use_sliding_window") or "sliding_attention" in (config.get("layer_types") or ()):
        raise ModelError("config.json: 'use_sliding_window' is set; Qwen3 with windows is not supported")
    check_sizes(config, theta=_THETA)


def build(graph: Graph, weights: Weights, config: dict[str, Any]) -> Built:
    """Add the model; gives the last hidden state (batch, tokens, hidden_size)."""
    config = {"head_dim": 128, **config}  # not a share of the width, as it is for other families
    hidden = stack(graph, weights, config, theta=_THETA, epsilon=1e-6, normed=True, bias=causal(graph))
    return Built(hidden=hidden)


FAMILIES = {
    "qwen3": Family(
        build=build,
        check=check,
        positions=lambda config: int(must(config, "max_position_embeddings", int)),
        width=lambda config: int(must(config, "hidden_size", int)),
    )
}
