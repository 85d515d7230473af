"""X-MOD encoders (Pfeiffer et al. 2022): XLM-R's block, with an adapter per language after each feed-forward part.

The graph has one more input, int64 ``lang_id``: places in config.json's `languages`, which a caller may cut down or
reorder (adapters of other languages are then left out). It is one number for the batch, (1,), or with a true
`lang_per_row` (a key of the caller's, not of the checkpoint's) one per text, (batch,).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xret.encoders.builders.adapters import Adapters, languages
from xret.encoders.builders.embedding import embed, padding_id
from xret.encoders.builders.family import Built, Family, must
from xret.encoders.builders.layers import dense, norm, refuse_rest
from xret.encoders.builders.postnorm import Block, attend, check_plain, close, expand, prefix_of
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import MICROSOFT, Graph

__all__ = ["FAMILIES"]

_PREFIXES = ("roberta.", "xmod.", "model.")
_IGNORED = (
    *("pooler.", "lm_head.", "classifier.", "qa_outputs."),
    *("embeddings.position_ids", "embeddings.token_type_ids"),
)
_ADAPTERS = "output.adapter_modules."


def default_language(config: dict[str, Any]) -> str:
    """The code of texts whose language is not known, "" where config.json has none among its `languages`."""
    code = config.get("default_language")
    return code if code in languages(config) else ""


def positions(config: dict[str, Any]) -> int:
    """The most tokens the position table allows (514 rows mean 512 tokens)."""
    return int(must(config, "max_position_embeddings", int)) - padding_id(config) - 1


def check(config: dict[str, Any]) -> None:
    """Refuse look-alikes, unknown activations, odd sizes and broken language lists (ModelError)."""
    check_plain(config, Block.of(config))
    Adapters.of(config)


def build(graph: Graph, weights: Weights, config: dict[str, Any]) -> Built:
    """Add the encoder and its input ``lang_id``; gives the last hidden state (batch, tokens, hidden_size)."""
    prefix = prefix_of(weights, _PREFIXES)
    layers = [f"{prefix}encoder.layer.{index}." for index in range(must(config, "num_hidden_layers", int))]
    adapters = Adapters.of(config)
    for name in layers:
        adapters.check(weights, f"{name}{_ADAPTERS}")
    builder = _Builder(graph, weights, config, Block.of(config), adapters, adapters.choice(graph))
    value = builder.embed(f"{prefix}embeddings.")
    for name in layers:
        value = builder.norm_first(name, value) if config.get("pre_norm") else builder.norm_last(name, value)
    if config.get("pre_norm"):
        value = builder.norm(f"{prefix}encoder.LayerNorm", value)
    others = [f"{name.removeprefix(prefix)}{_ADAPTERS}" for name in layers]
    refuse_rest(weights, prefix, [*_IGNORED, *others], "xmod")
    return Built(hidden=value)


@dataclass(frozen=True)
class _Builder:
    """What all layers are made with."""

    graph: Graph
    weights: Weights
    config: dict[str, Any]
    block: Block
    adapters: Adapters
    choice: str

    def embed(self, prefix: str) -> str:
        config, width = self.config, self.block.width
        table = self.weights.get(
            f"{prefix}position_embeddings.weight", must(config, "max_position_embeddings", int), width
        )
        types = self.weights.get(f"{prefix}token_type_embeddings.weight", config.get("type_vocab_size", 2), width)
        return embed(
            self.graph, self.weights, self.block, prefix, words=must(config, "vocab_size", int),
            positions=table + types[0], pad=padding_id(config),
        )  # fmt: skip

    def norm_last(self, prefix: str, value: str) -> str:
        """LayerNorm(value + part(value)), as XLM-R has it."""
        graph, weights, block, parts = self.graph, self.weights, self.block, self.block.parts
        attended = attend(graph, weights, block, prefix, value)
        names = f"{prefix}{parts.attended}", f"{prefix}{parts.attended_norm}"
        value = close(graph, weights, block, *names, attended, value)
        adapted, bias, residual = self._adapt(prefix, expand(graph, weights, block, prefix, value), value)
        shift = [bias]
        if self.adapters.per_row:  # the fused operator takes one bias for all texts
            adapted, shift = graph.node("Add", [adapted, bias]), []
        inputs = [adapted, residual, *norm(graph, weights, f"{prefix}{parts.outer_norm}", block.width), *shift]
        return graph.node("SkipLayerNormalization", inputs, domain=MICROSOFT, epsilon=block.epsilon)

    def norm_first(self, prefix: str, value: str) -> str:
        """Value + part(LayerNorm(value))."""
        graph, weights, block, parts = self.graph, self.weights, self.block, self.block.parts
        attended = attend(graph, weights, block, prefix, self.norm(f"{prefix}{parts.attended_norm}", value))
        attended = dense(graph, weights, f"{prefix}{parts.attended}", attended, size=(block.width, block.width))
        value = graph.node("Add", [attended, value])
        inner = expand(graph, weights, block, prefix, self.norm(f"{prefix}{parts.outer_norm}", value))
        adapted, bias, residual = self._adapt(prefix, inner, value)
        return graph.node("Add", [graph.node("Add", [adapted, bias]), residual])

    def norm(self, name: str, value: str) -> str:
        inputs = [value, *norm(self.graph, self.weights, name, self.block.width)]
        return self.graph.node("LayerNormalization", inputs, epsilon=self.block.epsilon)

    def _adapt(self, prefix: str, inner: str, residual: str) -> tuple[str, str, str]:
        """The end of the feed-forward part and the adapter: its result, the bias and the residual to add to that."""
        graph, weights, block = self.graph, self.weights, self.block
        outer, before, size = f"{prefix}{block.parts.outer}", self._before(prefix), (block.inner, block.width)
        if before and self.config.get("ln_before_adapter", True):
            source = residual = close(graph, weights, block, outer, before, inner, residual, size)
        else:
            residual = graph.node("Add", [dense(graph, weights, outer, inner, size=size), residual])
            source = self.norm(before, residual) if before else residual
        return *self.adapters.add(graph, weights, f"{prefix}{_ADAPTERS}", source, self.choice), residual

    def _before(self, prefix: str) -> str:
        """The layer norm that an adapter's input goes through, "" for none."""
        if self.config.get("adapter_layer_norm", False):
            return f"{prefix}output.adapter_layer_norm"
        return f"{prefix}{self.block.parts.outer_norm}" if self.config.get("adapter_reuse_layer_norm", True) else ""


FAMILIES = {
    "xmod": Family(
        build=build,
        check=check,
        positions=positions,
        width=lambda config: int(must(config, "hidden_size", int)),
        languages=languages,
        default_language=default_language,
    )
}
