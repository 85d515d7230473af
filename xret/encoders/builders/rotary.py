"""Rotary position embedding (Su et al. 2021, "RoFormer"), halves rotated against each other as in GPT-NeoX.

With the ways of stretching it that encoders use: ``linear`` (Chen et al. 2023, "Position Interpolation") and the fixed
``ntk`` of Alibaba's GTE models (https://kexue.fm/archives/9706).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.builders.places import places
from xret.encoders.graphs.graph import MICROSOFT, Graph
from xret.errors import ModelError

__all__ = ["Rope", "Rotary", "rope_of", "rotary"]

_SCALINGS = ("default", "linear", "ntk")


@dataclass(frozen=True, kw_only=True)
class Rope:
    """How fast each pair of features turns."""

    theta: float  # base of the wavelengths
    scaling: str = "default"  # one of "default", "linear", "ntk"
    factor: float = 1.0  # by which the context was stretched
    mixed: float | None = None  # `mixed_b` of ntk: stretch low frequencies more than high ones

    def frequencies(self, size: int) -> NDArray[np.float32]:
        """Radians per place, (size / 2,), for heads of `size` features.

        Rounded step by step as torch does it: at place 8000 the last bit of a frequency moves the angle by 0.0005.
        """
        steps = np.arange(0, size, 2, dtype=np.float32) / np.float32(size)
        ntk = self.scaling == "ntk"
        base = self.theta * self.factor if ntk and self.mixed is None else self.theta
        turns = np.float32(1) / np.power(np.float64(base), steps.astype(np.float64)).astype(np.float32)
        if self.scaling == "linear":
            return np.asarray(turns / np.float32(self.factor), np.float32)
        if not ntk:
            return np.asarray(turns, np.float32)
        if self.mixed is None:
            return np.asarray(turns / np.float32(self.factor ** (2 / size)), np.float32)
        growth = np.log(self.factor) / (size / 2) ** self.mixed
        stretch = np.exp(growth * np.arange(1, size // 2 + 1, dtype=np.float64) ** self.mixed)
        return np.asarray(turns / stretch.astype(np.float32), np.float32)


def rope_of(config: dict[str, Any], *, theta: float, parameters: dict[str, Any] | None = None) -> Rope:
    """What config.json says: ``rope_parameters`` (transformers 5) or ``rope_theta`` and ``rope_scaling`` (before).

    Args:
        config: the content of config.json.
        theta: the family's own where the config names none.
        parameters: taken in place of the config's ``rope_parameters``: families with several kinds of layers.

    Raises:
        ModelError: a way of scaling that is not known here, or values that make no sense.
    """
    new = parameters if parameters is not None else config.get("rope_parameters")
    found = new if new is not None else config.get("rope_scaling")
    if found is not None and not isinstance(found, dict):
        raise ModelError(f"config.json: rope_parameters or rope_scaling is {found!r}, wanted an object")
    found = found or {}
    kind = found.get("rope_type") or found.get("type") or "default"
    if kind not in _SCALINGS:
        raise ModelError(f"config.json: RoPE scaling '{kind}' is not known here; known: {', '.join(_SCALINGS)}")
    if (part := found.get("partial_rotary_factor", config.get("partial_rotary_factor"))) not in (None, 1, 1.0):
        raise ModelError(f"config.json: 'partial_rotary_factor' is {part!r}; only whole heads can be rotated")
    base, mixed = found.get("rope_theta", config.get("rope_theta")), found.get("mixed_b")
    factor = found.get("factor", 1.0) if kind != "default" else 1.0
    for name, value in (("rope_theta", base), ("factor", factor), ("mixed_b", mixed)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0):
            raise ModelError(f"config.json: '{name}' of RoPE is {value!r}, wanted a number above 0")
    return Rope(
        theta=float(theta if base is None else base), scaling=kind, factor=float(factor),
        mixed=None if mixed is None else float(mixed),
    )  # fmt: skip


@dataclass(frozen=True)
class Rotary:
    """Positions and tables in the graph, made once and used by every layer that turns at the same speed."""

    positions: str  # int64 (batch, tokens)
    cosines: str  # (places, size / 2)
    sines: str

    def turn(self, graph: Graph, value: str) -> str:
        """Queries or keys (batch, tokens, heads * size), every head rotated by its token's place."""
        inputs = [value, self.positions, self.cosines, self.sines]
        return graph.node("RotaryEmbedding", inputs, domain=MICROSOFT, interleaved=0)


def rotary(graph: Graph, rope: Rope, *, size: int, limit: int, name: str = "rotary", positions: str = "") -> Rotary:
    """Tables for texts of up to `limit` tokens and heads of `size` features.

    Args:
        graph: where to.
        rope: speeds.
        size: features per head.
        limit: tokens of the longest text.
        name: of the tables.
        positions: int64 (batch, tokens), where they have been made already. One position per token and not the single
            offset that ONNX Runtime takes as well: OpenVINO accepts that too, and rotates all tokens by it.
    """
    angles = np.arange(limit, dtype=np.float32)[:, None] * rope.frequencies(size)
    exact = angles.astype(np.float64)
    cosines = graph.weight(f"{name}.cos", np.cos(exact).astype(np.float32))
    sines = graph.weight(f"{name}.sin", np.sin(exact).astype(np.float32))
    return Rotary(positions or places(graph), cosines, sines)
