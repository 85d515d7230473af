"""BERT, RoBERTa, XLM-RoBERTa and CamemBERT encoders (post-layer-norm, learned absolute positions) as fused ONNX graphs.

Devlin et al. 2019, Liu et al. 2019, Conneau et al. 2020, Martin et al. 2020.
"""

from __future__ import annotations

from typing import Any

from xret.encoders.builders.embedding import embed, padding_id
from xret.encoders.builders.family import Built, Family, must
from xret.encoders.builders.layers import refuse_rest
from xret.encoders.builders.postnorm import Block, check_plain, layer, prefix_of
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph

__all__ = ["FAMILIES"]

_PREFIXES = ("bert.", "roberta.", "xlm_roberta.", "camembert.", "model.")
_IGNORED = (
    *("pooler.", "cls.", "lm_head.", "classifier.", "qa_outputs."),
    *("embeddings.position_ids", "embeddings.token_type_ids"),
)


def positions(config: dict[str, Any]) -> int:
    """The most tokens the position table allows (514 rows mean 512 tokens for XLM-R)."""
    rows = must(config, "max_position_embeddings", int)
    return rows if config["model_type"] == "bert" else rows - padding_id(config) - 1


def check(config: dict[str, Any]) -> None:
    """Refuse what calls itself BERT and is not.

    Raises:
        ModelError: relative, rotary or ALiBi positions, own code, a decoder, an unknown activation or odd sizes.
    """
    check_plain(config, Block.of(config))


def build(graph: Graph, weights: Weights, config: dict[str, Any]) -> Built:
    """Add the encoder; gives the last hidden state (batch, tokens, hidden_size).

    Where `config` has a true ``token_types``, the graph has one more input, int64 ``token_type_ids`` (batch, tokens).
    """
    prefix, block = prefix_of(weights, _PREFIXES), Block.of(config)
    value = _embed(graph, weights, config, f"{prefix}embeddings.")
    for index in range(must(config, "num_hidden_layers", int)):
        value = layer(graph, weights, block, f"{prefix}encoder.layer.{index}.", value)
    refuse_rest(weights, prefix, _IGNORED, config["model_type"])
    return Built(hidden=value)


def _embed(graph: Graph, weights: Weights, config: dict[str, Any], prefix: str) -> str:
    block = Block.of(config)
    table = weights.get(
        f"{prefix}position_embeddings.weight", must(config, "max_position_embeddings", int), block.width
    )
    types = weights.get(f"{prefix}token_type_embeddings.weight", config.get("type_vocab_size", 2), block.width)
    told = config.get("token_types")  # a key of the caller's, not of the checkpoint's
    if not told:  # every token is of type 0, so its vector can be folded into the position table
        table = table + types[0]
    pad = None if config["model_type"] == "bert" else padding_id(config)
    words = must(config, "vocab_size", int)
    return embed(graph, weights, block, prefix, words=words, positions=table, pad=pad, types=types if told else None)


FAMILIES = {
    kind: Family(
        build=build,
        check=check,
        positions=positions,
        width=lambda config: int(must(config, "hidden_size", int)),
        version=2,
    )
    for kind in ("bert", "roberta", "xlm-roberta", "camembert")
}
