"""Language adapters of X-MOD: two small matrices per layer and language, picked by the graph's input ``lang_id``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from xret.encoders.builders.family import must
from xret.encoders.builders.layers import activate
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph
from xret.errors import ModelError

__all__ = ["Adapters", "languages"]


def languages(config: dict[str, Any]) -> tuple[str, ...]:
    """The language codes of config.json, by their number in the graph.

    Raises:
        ModelError: it has no list of distinct codes.
    """
    codes = config.get("languages")
    if not isinstance(codes, (list, tuple)) or not codes or not all(isinstance(code, str) for code in codes):
        raise ModelError(f"config.json: 'languages' is {codes!r}, wanted a list of language codes")
    if len(set(codes)) < len(codes):
        raise ModelError(f"config.json: 'languages' names a language twice: {', '.join(codes)}")
    return tuple(codes)


@dataclass(frozen=True, kw_only=True)
class Adapters:
    """Size and choice of a model's adapters: one per language in each layer."""

    languages: tuple[str, ...]  # codes, by their number in the graph
    per_row: bool  # whether each text has its language, or the batch one
    outer: int  # width of the values adapted
    inner: int  # between the two matrices
    activation: str  # between them

    @classmethod
    def of(cls, config: dict[str, Any]) -> Adapters:
        """As config.json says it (ModelError where it does not)."""
        width, factor = must(config, "hidden_size", int), config.get("adapter_reduction_factor", 2)
        if not isinstance(factor, (int, float)) or not 0 < factor <= width:
            raise ModelError(f"config.json: 'adapter_reduction_factor' is {factor!r}, wanted a number up to {width}")
        return cls(
            languages=languages(config), per_row=bool(config.get("lang_per_row", False)), outer=width,
            inner=int(width // factor), activation=config.get("hidden_act", "gelu"),
        )  # fmt: skip

    def check(self, weights: Weights, prefix: str) -> None:
        """Refuse languages that the checkpoint has no adapter for; `prefix` is that of one layer's adapters.

        Raises:
            ModelError: names the language and those that there are.
        """
        names = [name.removeprefix(prefix) for name in weights.names() if name.startswith(prefix)]
        known = sorted({name.partition(".")[0] for name in names})
        if missing := [code for code in self.languages if code not in known]:
            raise ModelError(
                f"{weights.source}: has no adapter for language '{missing[0]}'; it has {', '.join(known) or 'none'}"
            )

    def choice(self, graph: Graph) -> str:
        """Declare the input ``lang_id``: the index that picks adapters, one number, or (batch,)."""
        graph.input("lang_id", ["batch" if self.per_row else 1])
        return "lang_id" if self.per_row else graph.node("Squeeze", ["lang_id", graph.ints(0)])

    def add(self, graph: Graph, weights: Weights, prefix: str, value: str, choice: str) -> tuple[str, str]:
        """What one layer's adapters make of `value`, without the last bias, and that bias.

        The matrices are picked while the graph runs: they are no constants, and stay in float in an int8 graph.

        Args:
            graph: where to.
            weights: hold the adapters, by language code under `prefix`.
            prefix: of the layer's adapters.
            value: (batch, tokens, width).
            choice: see `choice`.

        Returns:
            (batch, tokens, width) and (width,), or (batch, 1, width) where each text has its language.
        """
        down, first = self._pick(graph, weights, prefix, "dense1", (self.outer, self.inner), choice)
        up, second = self._pick(graph, weights, prefix, "dense2", (self.inner, self.outer), choice)
        inner = graph.node("MatMul", [value, down])
        if self.per_row:
            inner, first = graph.node("Add", [inner, first]), ""  # fused activations take one bias for all texts
        return graph.node("MatMul", [activate(graph, inner, first, self.activation), up]), second

    def _pick(
        self, graph: Graph, weights: Weights, prefix: str, part: str, size: tuple[int, int], choice: str
    ) -> tuple[str, str]:
        """Matrix (in, out) and bias (out,) of the batch's language; per text (batch, in, out) and (batch, 1, out)."""
        names = [f"{prefix}{code}.{part}" for code in self.languages]
        matrix = np.stack([weights.get(f"{name}.weight", *size[::-1]).T for name in names])
        bias = np.stack([weights.get(f"{name}.bias", size[1]) for name in names])
        tables = (
            graph.weight(f"{prefix}{part}.weight", matrix),
            graph.weight(f"{prefix}{part}.bias", bias[:, None] if self.per_row else bias),
        )
        return graph.node("Gather", [tables[0], choice]), graph.node("Gather", [tables[1], choice])
