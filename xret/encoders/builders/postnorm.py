"""The post-layer-norm transformer block that BERT, DistilBERT, MPNet and X-MOD share, under each family's own names.

Vaswani et al. 2017: ``LayerNorm(x + part(x))`` for attention and feed-forward alike. Made of ``com.microsoft``
operators with kernels for CPU and CUDA: MultiHeadAttention, SkipLayerNormalization, BiasGelu.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xret.encoders.builders.attention import attention
from xret.encoders.builders.bottlenecks import Bottleneck, Site, stack
from xret.encoders.builders.family import check_code, must
from xret.encoders.builders.layers import activate, check_activation, dense, norm, vector
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import MICROSOFT, Graph
from xret.errors import ModelError

__all__ = ["ADAPTERS", "Block", "Parts", "attend", "check_plain", "close", "expand", "layer", "prefix_of"]

ADAPTERS = "placed adapters"  # a key of the caller's in config.json, not of the checkpoint's: see `Block.adapters`


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a family calls the parts of a layer; BERT's names by default."""

    query: str = "attention.self.query"
    key: str = "attention.self.key"
    value: str = "attention.self.value"
    attended: str = "attention.output.dense"
    attended_norm: str = "attention.output.LayerNorm"
    inner: str = "intermediate.dense"
    outer: str = "output.dense"
    outer_norm: str = "output.LayerNorm"


@dataclass(frozen=True, kw_only=True)
class Block:
    """Size and kind of a family's layers."""

    width: int
    inner: int  # of the feed-forward part
    heads: int
    activation: str  # its name in transformers
    epsilon: float  # of the layer norms
    parts: Parts = Parts()
    adapters: tuple[Bottleneck, ...] = ()  # to be placed in the layers

    @classmethod
    def of(cls, config: dict[str, Any]) -> Block:
        """As BERT's config.json says it (ModelError where it does not)."""
        return cls(
            width=must(config, "hidden_size", int),
            inner=must(config, "intermediate_size", int),
            heads=must(config, "num_attention_heads", int),
            activation=config.get("hidden_act", "gelu"),
            epsilon=float(config.get("layer_norm_eps", 1e-12)),
            adapters=config.get(ADAPTERS, ()),
        )


def check_plain(config: dict[str, Any], block: Block) -> None:
    """Refuse what carries the family's name and is not an encoder of that family.

    Raises:
        ModelError: relative, rotary or ALiBi positions, own code, a decoder, an unknown activation or odd sizes.
    """
    kind = config["model_type"]
    if (position := config.get("position_embedding_type") or "absolute") != "absolute":
        raise ModelError(
            f"model_type '{kind}' with position_embedding_type '{position}': only 'absolute' is plain {kind}"
        )
    check_code(config)
    if config.get("is_decoder") or config.get("add_cross_attention"):
        raise ModelError(f"model_type '{kind}' as a decoder: only encoders give sentence vectors")
    check_activation(block.activation)
    if block.heads < 1 or block.width % block.heads:
        raise ModelError(f"config.json: the width {block.width} is not a multiple of the {block.heads} attention heads")


def prefix_of(weights: Weights, prefixes: tuple[str, ...]) -> str:
    """Which of `prefixes` the encoder's tensors carry: "" in a bare encoder, a name in a model for a task."""
    return next((p for p in prefixes if f"{p}embeddings.word_embeddings.weight" in weights), "")


def layer(graph: Graph, weights: Weights, block: Block, prefix: str, value: str, *, bias: str = "") -> str:
    """One layer: attention with its norm, feed-forward with its norm.

    Args:
        graph: where to.
        weights: hold the layer's tensors under `prefix`.
        block: sizes and names.
        prefix: of the layer.
        value: (batch, tokens, width).
        bias: added to the attention scores, see `attention`.

    Returns:
        (batch, tokens, width).
    """
    parts, size = block.parts, (block.inner, block.width)
    attended = attend(graph, weights, block, prefix, value, bias=bias)
    names = f"{prefix}{parts.attended}", f"{prefix}{parts.attended_norm}"
    value = _adapted(graph, weights, block, "attention", prefix, names, attended, value)
    inner = expand(graph, weights, block, prefix, value)
    names = f"{prefix}{parts.outer}", f"{prefix}{parts.outer_norm}"
    return _adapted(graph, weights, block, "output", prefix, names, inner, value, size)


def _adapted(
    graph: Graph, weights: Weights, block: Block, site: Site, prefix: str, names: tuple[str, str], value: str,
    residual: str, size: tuple[int, int] | None = None,
) -> str:  # fmt: skip
    """`close`, with the adapters that are to be placed there."""
    number = int(prefix.rstrip(".").rpartition(".")[2])
    if not any(f"{each.prefix(number, site)}down.weight" in weights for each in block.adapters):
        return close(graph, weights, block, *names, value, residual, size)
    hidden = dense(graph, weights, names[0], value, size=size or (block.width, block.width))
    gain, shift = norm(graph, weights, names[1], block.width)  # read also where no adapter wants it

    def normed(hidden: str) -> str:
        inputs = [hidden, residual, gain, shift]
        return graph.node("SkipLayerNormalization", inputs, domain=MICROSOFT, epsilon=block.epsilon)

    return stack(graph, weights, block.adapters, number, site, hidden, residual, normed)


def attend(graph: Graph, weights: Weights, block: Block, prefix: str, value: str, *, bias: str = "") -> str:
    """Self-attention over `value` (batch, tokens, width), before its output matrix."""
    size = (block.width, block.width)
    names = (block.parts.query, block.parts.key, block.parts.value)
    query, key, content = (dense(graph, weights, f"{prefix}{name}", value, size=size) for name in names)
    return attention(graph, query, key, content, heads=block.heads, bias=bias)


def expand(graph: Graph, weights: Weights, block: Block, prefix: str, value: str) -> str:
    """The first half of the feed-forward part: (batch, tokens, width) to (batch, tokens, inner), activated."""
    name = f"{prefix}{block.parts.inner}"
    inner = dense(graph, weights, name, value, bias=False, size=(block.width, block.inner))
    return activate(graph, inner, vector(graph, weights, f"{name}.bias", block.inner), block.activation)


def close(
    graph: Graph, weights: Weights, block: Block, name: str, norm_name: str, value: str, residual: str,
    size: tuple[int, int] | None = None,
) -> str:  # fmt: skip
    """LayerNorm(dense(value) + residual): how both halves of a layer end; `size` is (in, out) if not width to width."""
    result = dense(graph, weights, name, value, bias=False, size=size or (block.width, block.width))
    shift = vector(graph, weights, f"{name}.bias", block.width)
    inputs = [result, residual, *norm(graph, weights, norm_name, block.width), shift]
    return graph.node("SkipLayerNormalization", inputs, domain=MICROSOFT, epsilon=block.epsilon)
