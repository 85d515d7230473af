"""Bottleneck adapters placed in a post-norm layer (Houlsby et al. 2019, Pfeiffer et al. 2020), several stacked.

An adapter adds up(activation(down(x))) after a layer's attention, its feed-forward part, or both. Around it, as
adapters' library has it: x is the part's result h, or the layer's norm of h and the residual; what is added to is h,
their sum, or the norm; and the norm comes (again) after the last adapter. An invertible one (MAD-X, Pfeiffer et al.
2020) turns the embeddings by two coupled halves (NICE, Dinh et al. 2015).

Tensors of the adapter at `place`: ``modules.PLACE.LAYER.SITE.{down,up}.{weight,bias}``, ``.scale``, and
``modules.PLACE.embeddings.{F,G}.{0,2}.{weight,bias}``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from xret.encoders.builders.layers import activate, dense
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph
from xret.errors import ModelError

__all__ = ["Bottleneck", "Site", "add_invertible", "stack"]

Site = Literal["attention", "output"]


@dataclass(frozen=True, kw_only=True)
class Bottleneck:
    """How the adapters of a module are placed; the defaults are Pfeiffer's."""

    place: int = 0  # of the module among all that are stacked
    activation: str = "relu"
    norm_before: bool = True  # whether the layer's norm of h + residual is what the adapter sees, instead of h
    norm_after: bool = True  # whether the layer's norm comes after the last adapter
    residual: Literal["before", "added", "after"] = "before"  # what is added to: h, h + residual, or what is seen
    scale: float | Literal["learned"] = 1.0
    invertible: bool = False

    def prefix(self, layer: int, site: Site) -> str:
        """Of its tensors in a layer."""
        return f"modules.{self.place}.{layer}.{site}."


def stack(
    graph: Graph, weights: Weights, bottlenecks: tuple[Bottleneck, ...], layer: int, site: Site, value: str,
    residual: str, norm: Callable[[str], str],
) -> str:  # fmt: skip
    """The end of one part of a layer: adapters, residual and norm.

    Args:
        graph: where to.
        weights: hold the adapters' tensors.
        bottlenecks: in the order in which they are stacked; those without tensors here are passed over, but at least
            one has some.
        layer: its number.
        site: its part.
        value: (batch, tokens, width), the part's result with its bias.
        residual: (batch, tokens, width), what went into the part.
        norm: the layer's norm of a value plus the residual.

    Returns:
        (batch, tokens, width).
    """
    here = [each for each in bottlenecks if f"{each.prefix(layer, site)}down.weight" in weights]
    for each in here:
        seen = norm(value) if each.norm_before else value
        added = value
        if each.residual != "before":
            added = seen if each.residual == "after" else graph.node("Add", [value, residual])
        value = graph.node("Add", [_through(graph, weights, each, each.prefix(layer, site), seen), added])
    return norm(value) if here[-1].norm_after else value


def _through(graph: Graph, weights: Weights, each: Bottleneck, prefix: str, value: str) -> str:
    """up(activation(down(value))), scaled."""
    down = weights.raw(f"{prefix}down.weight")
    width, inner = down.shape[::-1]
    result = dense(graph, weights, f"{prefix}down", value, size=(width, inner))
    result = dense(graph, weights, f"{prefix}up", activate(graph, result, "", each.activation), size=(inner, width))
    if each.scale == "learned":
        scale = weights.get(f"{prefix}scale")
        if scale.shape not in ((1,), (width,)):
            whose = weights.origin(f"{prefix}scale")
            raise ModelError(f"{whose}: tensor '{prefix}scale' is {scale.shape}, wanted {(1,)} or {(width,)}")
        return graph.node("Mul", [result, graph.weight(f"{prefix}scale", scale)])
    return result if each.scale == 1 else graph.node("Mul", [result, graph.scalar(each.scale)])


def add_invertible(graph: Graph, weights: Weights, bottlenecks: tuple[Bottleneck, ...], value: str, width: int) -> str:
    """The embeddings (batch, tokens, width) through the first module's invertible adapter; as they are without one."""
    if not bottlenecks or not bottlenecks[0].invertible:
        return value
    prefix, half = f"modules.{bottlenecks[0].place}.embeddings.", width // 2
    axis = graph.ints(2)
    left = graph.node("Slice", [value, graph.ints(0), graph.ints(half), axis])
    right = graph.node("Slice", [value, graph.ints(half), graph.ints(width), axis])
    for name, size in (("F", (width - half, half)), ("G", (half, width - half))):
        inner = len(weights.raw(f"{prefix}{name}.0.weight"))
        source = right if name == "F" else left
        hidden = dense(graph, weights, f"{prefix}{name}.0", source, size=(size[0], inner))
        hidden = activate(graph, hidden, "", bottlenecks[0].activation)
        turned = dense(graph, weights, f"{prefix}{name}.2", hidden, size=(inner, size[1]))
        if name == "F":
            left = graph.node("Add", [left, turned])
        else:
            right = graph.node("Add", [right, turned])
    return graph.node("Concat", [left, right], axis=-1)
