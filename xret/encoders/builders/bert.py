"""BERT, XLM-RoBERTa and RoBERTa encoders (post-layer-norm, learned absolute positions) as fused ONNX graphs.

Devlin et al. 2019, Liu et al. 2019, Conneau et al. 2020. Made of ``com.microsoft`` operators that ONNX Runtime has
kernels for on CPU and CUDA: EmbedLayerNormalization, Attention (merged QKV), SkipLayerNormalization, BiasGelu.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xret.encoders.builders.family import Built, Family, must
from xret.encoders.graph import MICROSOFT, Graph
from xret.encoders.weights import Weights
from xret.errors import ModelError

__all__ = ["FAMILIES"]

_PREFIXES = ("bert.", "roberta.", "xlm_roberta.", "model.")
_IGNORED = ("pooler.", "cls.", "lm_head.", "classifier.", "embeddings.position_ids", "embeddings.token_type_ids")
_GELUS = {"gelu": "BiasGelu", "gelu_new": "FastGelu", "gelu_pytorch_tanh": "FastGelu", "gelu_fast": "FastGelu"}


def _offset(config: dict[str, Any]) -> int:
    """Positions before the first token's: RoBERTa counts from `pad_token_id` + 1, BERT from 0."""
    return 0 if config["model_type"] == "bert" else int(config.get("pad_token_id", 1)) + 1


def positions(config: dict[str, Any]) -> int:
    """The most tokens the position table allows (514 rows mean 512 tokens for XLM-R)."""
    return int(must(config, "max_position_embeddings", int)) - _offset(config)


def check(config: dict[str, Any]) -> None:
    """Refuse what calls itself BERT and is not.

    Raises:
        ModelError: relative, rotary or ALiBi positions, own code, a decoder, or an unknown activation.
    """
    kind = config["model_type"]
    if (position := config.get("position_embedding_type") or "absolute") != "absolute":
        raise ModelError(
            f"model_type '{kind}' with position_embedding_type '{position}': only 'absolute' is plain {kind}"
        )
    if "auto_map" in config:
        raise ModelError(
            f"model_type '{kind}' with auto_map (code of its own): it is not a plain {kind}; refusing to guess"
        )
    if config.get("is_decoder") or config.get("add_cross_attention"):
        raise ModelError(f"model_type '{kind}' as a decoder: only encoders give sentence vectors")
    if (act := config.get("hidden_act", "gelu")) not in {*_GELUS, "relu"}:
        raise ModelError(f"hidden_act '{act}' is not known here; known: {', '.join(sorted({*_GELUS, 'relu'}))}")
    if must(config, "hidden_size", int) % must(config, "num_attention_heads", int):
        raise ModelError("hidden_size is not a multiple of num_attention_heads in config.json")


def build(graph: Graph, weights: Weights, config: dict[str, Any]) -> Built:
    """Add the encoder; gives the last hidden state (batch, tokens, hidden_size)."""
    prefix = next((p for p in _PREFIXES if f"{p}embeddings.word_embeddings.weight" in weights), "")
    value, lengths = _embed(graph, weights, config, f"{prefix}embeddings.")
    for layer in range(must(config, "num_hidden_layers", int)):
        value = _layer(graph, weights, config, f"{prefix}encoder.layer.{layer}.", value, lengths)
    left = [n for n in weights.names() if n not in weights.used and not n.removeprefix(prefix).startswith(_IGNORED)]
    if left:
        raise ModelError(
            f"{weights.source}: holds '{left[0]}' and {len(left) - 1} more tensors that a plain {config['model_type']} "
            "does not have; it is another architecture under that name"
        )
    return Built(hidden=value)


def _embed(graph: Graph, weights: Weights, config: dict[str, Any], prefix: str) -> tuple[str, str]:
    width, start = must(config, "hidden_size", int), _offset(config)
    table = weights.get(f"{prefix}position_embeddings.weight", must(config, "max_position_embeddings", int), width)
    # Every token is of type 0, and padding is on the right: both can be folded into the position table.
    table = table[start:] + weights.get(f"{prefix}token_type_embeddings.weight")[0]
    ids = graph.node("Cast", ["input_ids"], name="ids", to=6)
    mask = graph.node("Cast", ["attention_mask"], name="mask", to=6)
    words = weights.get(f"{prefix}word_embeddings.weight", must(config, "vocab_size", int), width)
    value = graph.node(
        "EmbedLayerNormalization",
        [ids, "", graph.weight("words", words), graph.weight("positions", table), "",
         *_norm(graph, weights, f"{prefix}LayerNorm"), mask],
        name="embedded", outputs=2, domain=MICROSOFT, epsilon=_eps(config),
    )  # fmt: skip
    return value, f"{value}.1"


def _layer(graph: Graph, weights: Weights, config: dict[str, Any], prefix: str, value: str, lengths: str) -> str:
    parts = [f"{prefix}attention.self.{part}" for part in ("query", "key", "value")]
    matrix = np.concatenate([weights.get(f"{part}.weight").T for part in parts], axis=1)
    bias = np.concatenate([weights.get(f"{part}.bias") for part in parts])
    inputs = [value, graph.weight(f"{prefix}qkv.weight", matrix), graph.weight(f"{prefix}qkv.bias", bias), lengths]
    heads = must(config, "num_attention_heads", int)
    attended = graph.node("Attention", inputs, domain=MICROSOFT, num_heads=heads)
    value = _close(graph, weights, config, f"{prefix}attention.output", attended, value)
    inner = graph.node("MatMul", [attended := value, _matrix(graph, weights, f"{prefix}intermediate.dense")])
    inner = _activate(
        graph, inner, _bias(graph, weights, f"{prefix}intermediate.dense"), config.get("hidden_act", "gelu")
    )
    return _close(graph, weights, config, f"{prefix}output", inner, attended)


def _close(graph: Graph, weights: Weights, config: dict[str, Any], prefix: str, value: str, residual: str) -> str:
    """LayerNorm(dense(value) + residual): how both halves of a layer end."""
    dense = graph.node("MatMul", [value, _matrix(graph, weights, f"{prefix}.dense")])
    inputs = [dense, residual, *_norm(graph, weights, f"{prefix}.LayerNorm"), _bias(graph, weights, f"{prefix}.dense")]
    return graph.node("SkipLayerNormalization", inputs, domain=MICROSOFT, epsilon=_eps(config))


def _activate(graph: Graph, value: str, bias: str, kind: str) -> str:
    if kind in _GELUS:
        return graph.node(_GELUS[kind], [value, bias], domain=MICROSOFT)
    return graph.node("Relu", [graph.node("Add", [value, bias])])


def _eps(config: dict[str, Any]) -> float:
    return float(config.get("layer_norm_eps", 1e-12))


def _matrix(graph: Graph, weights: Weights, name: str) -> str:
    return graph.weight(f"{name}.weight", weights.get(f"{name}.weight").T)


def _bias(graph: Graph, weights: Weights, name: str) -> str:
    return graph.weight(f"{name}.bias", weights.get(f"{name}.bias"))


def _norm(graph: Graph, weights: Weights, name: str) -> tuple[str, str]:
    return graph.weight(f"{name}.weight", weights.get(f"{name}.weight")), _bias(graph, weights, name)


FAMILIES = {
    kind: Family(
        build=build, check=check, positions=positions, width=lambda config: int(must(config, "hidden_size", int))
    )
    for kind in ("bert", "roberta", "xlm-roberta")
}
