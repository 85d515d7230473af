"""LASER2's encoder, a stack of bidirectional LSTMs, as an ONNX graph.

Artetxe and Schwenk 2019, Heffernan et al. 2022. The checkpoint keeps everything under ``model.``; config is that of
`xret.encoders.laser.settings`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.builders.family import Built, Family, must
from xret.encoders.builders.layers import refuse_rest
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph
from xret.errors import ModelError

__all__ = ["FAMILIES"]

_PREFIX = "model."
_TOKENS = 12_000  # LSTMs have no limit; as many as LASER's own tool puts in a batch
_COUNTS = ("vocab_size", "embedding_size", "hidden_size", "num_hidden_layers")


def check(config: dict[str, Any]) -> None:
    """Refuse sizes that cannot be.

    Raises:
        ModelError: a size is missing or below 1.
    """
    for key in _COUNTS:
        if must(config, key, int) < 1:
            raise ModelError(f"'{key}' is {config[key]}, wanted 1 or more")
    must(config, "bidirectional", bool)


def width(config: dict[str, Any]) -> int:
    """Of the last hidden state: both directions side by side."""
    return int(must(config, "hidden_size", int)) * (1 + must(config, "bidirectional", bool))


def build(graph: Graph, weights: Weights, config: dict[str, Any]) -> Built:
    """Add the encoder; gives the last layer's states (batch, tokens, directions * hidden_size)."""
    table = weights.get(f"{_PREFIX}embed_tokens.weight", config["vocab_size"], config["embedding_size"])
    value = graph.node("Gather", [graph.weight("words", table), "input_ids"])
    value = graph.node("Transpose", [value], perm=[1, 0, 2])  # the operator wants tokens first
    for layer in range(config["num_hidden_layers"]):
        value = _layer(graph, weights, config, layer, value)
    refuse_rest(weights, _PREFIX, [n for n in weights.names() if not n.startswith(_PREFIX)], "LASER2 encoder")
    return Built(hidden=graph.node("Transpose", [value], perm=[1, 0, 2]))


def _layer(graph: Graph, weights: Weights, config: dict[str, Any], layer: int, value: str) -> str:
    """(tokens, batch, in) to (tokens, batch, directions * hidden_size).

    The way back is a way forth over each text turned round, so that padding always comes last and is never seen.
    ONNX's bidirectional operator would do the same by itself, but OpenVINO 2026.4 computes it wrongly for padded texts.
    """
    forth = _direction(graph, weights, config, layer, "", value)
    if not config["bidirectional"]:
        return forth
    back = _turned(graph, _direction(graph, weights, config, layer, "_reverse", _turned(graph, value)))
    return graph.node("Concat", [forth, back], axis=2)


def _turned(graph: Graph, value: str) -> str:
    """Each text's tokens in reverse, its padding where it was."""
    lengths = graph.node("Cast", [graph.lengths], to=7)
    return graph.node("ReverseSequence", [value, lengths], time_axis=0, batch_axis=1)


def _direction(graph: Graph, weights: Weights, config: dict[str, Any], layer: int, end: str, value: str) -> str:
    hidden, into = config["hidden_size"], config["embedding_size"] if layer == 0 else width(config)
    shapes = {"weight_ih": (into,), "weight_hh": (hidden,), "bias_ih": (), "bias_hh": ()}
    arrays = {
        kind: _gates(weights.get(f"{_PREFIX}lstm.{kind}_l{layer}{end}", 4 * hidden, *shape))
        for kind, shape in shapes.items()
    }
    bias = np.concatenate([arrays.pop("bias_ih"), arrays.pop("bias_hh")])
    constants = [graph.weight(f"lstm.{layer}{end}.{kind}", array[None]) for kind, array in arrays.items()]
    inputs = [value, *constants, graph.weight(f"lstm.{layer}{end}.bias", bias[None])]
    return graph.node("Squeeze", [graph.node("LSTM", inputs, hidden_size=hidden), graph.ints(1)])


def _gates(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """From torch's order of gates (input, forget, cell, output) to ONNX's (input, output, forget, cell)."""
    first, forget, cell, out = np.split(array, 4)
    return np.concatenate([first, out, forget, cell])


# float16's rounding goes on from token to token; how far has not been measured, so there is no fp16 graph.
FAMILIES = {
    "laser2": Family(
        build=build, check=check, positions=lambda config: _TOKENS, width=width, half=False, linear=False
    )
}  # fmt: skip
