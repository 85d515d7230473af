"""EuroBERT (Boizard et al. 2025): Llama's layers, seeing both ways."""

from __future__ import annotations

from typing import Any

from xret.encoders.builders.family import Built, Family, check_code, must
from xret.encoders.builders.llama import check_sizes, stack
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph

__all__ = ["FAMILIES"]

_THETA = 10_000.0  # what transformers takes where the config names none; published models say 250000


def check(config: dict[str, Any]) -> None:
    """Refuse what is not an encoder of this family.

    Raises:
        ModelError: other code, an unknown activation or RoPE scaling, or head counts that do not divide each other.
    """
    check_code(config, "EuroBert")
    check_sizes(config, theta=_THETA)


def build(graph: Graph, weights: Weights, config: dict[str, Any]) -> Built:
    """Add the encoder; gives the last hidden state (batch, tokens, hidden_size)."""
    return Built(hidden=stack(graph, weights, config, theta=_THETA, epsilon=1e-5))


FAMILIES = {
    "eurobert": Family(
        build=build,
        check=check,
        positions=lambda config: int(must(config, "max_position_embeddings", int)),
        width=lambda config: int(must(config, "hidden_size", int)),
    )
}
