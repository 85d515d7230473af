"""Word and position vectors, added and layer-normed by one operator, as BERT and its descendants begin."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.builders.bottlenecks import add_invertible
from xret.encoders.builders.layers import norm
from xret.encoders.builders.postnorm import Block
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import MICROSOFT, Graph
from xret.errors import ModelError

__all__ = ["embed", "padding_id"]


def padding_id(config: dict[str, Any]) -> int:
    """The padding token's id, which families that count positions like fairseq start from.

    Raises:
        ModelError: it is not a number.
    """
    if not isinstance(pad := config.get("pad_token_id", 1), int) or pad < 0:
        raise ModelError(f"config.json: 'pad_token_id' is {pad!r}, wanted a number: positions are counted from it")
    return pad


def embed(
    graph: Graph, weights: Weights, block: Block, prefix: str, *, words: int, positions: NDArray[np.float32],
    pad: int | None = None, types: NDArray[np.float32] | None = None,
) -> str:  # fmt: skip
    """Layer-normed sum of word and position vectors.

    Args:
        graph: where to.
        weights: hold ``word_embeddings`` and ``LayerNorm`` under `prefix`.
        block: sizes.
        prefix: of the embeddings.
        words: rows of the word table.
        positions: (positions, width) table, with whatever else all tokens share added to it.
        pad: padding id where positions are fairseq's: tokens other than `pad` count up from `pad` + 1, and a `pad`
            (which a text may spell out) is at `pad`; None where a token's place is its position.
        types: (types, width) table to add by the graph's input ``token_type_ids``; None where all are of one type.

    Returns:
        (batch, tokens, width).
    """
    ids = graph.node("Cast", ["input_ids"], name="ids", to=6)
    table = graph.weight("words", weights.get(f"{prefix}word_embeddings.weight", words, block.width))
    segments, kinds = "", ""
    if types is not None:
        segments = graph.node("Cast", [graph.input("token_type_ids")], name="segments", to=6)
        kinds = graph.weight("types", types)
    inputs = [ids, segments, table, graph.weight("positions", positions), kinds,
              *norm(graph, weights, f"{prefix}LayerNorm", block.width)]  # fmt: skip
    if pad is not None:
        inputs += ["", _places(graph, ids, pad)]
    embedded = graph.node(
        "EmbedLayerNormalization", inputs, name="embedded", outputs=2, domain=MICROSOFT, epsilon=block.epsilon
    )
    return add_invertible(graph, weights, block.adapters, embedded, block.width)


def _places(graph: Graph, ids: str, pad: int) -> str:
    """int32 (batch, tokens) positions as fairseq's `make_positions` counts them."""
    padding = graph.weight("pad_id", np.array(pad, np.int32))
    real = graph.node("Cast", [graph.node("Not", [graph.node("Equal", [ids, padding])])], to=6)
    counted = graph.node("Mul", [graph.node("CumSum", [real, graph.ints(1)]), real])
    return graph.node("Add", [counted, padding])
