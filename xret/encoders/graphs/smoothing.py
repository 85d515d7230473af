"""Which channels of an encoder's values are large: measured once, when its int8 graph is built.

In the outputs of a transformer's norms a few channels are ten times as large as the rest, in any text; they set the
step of every row, and the others drown. Dividing such channels by a constant and multiplying the matrix that follows
by it changes nothing but the rounding (SmoothQuant, Xiao et al. 2023). What is random for the model does as well as
real text for telling these channels, so no corpus is needed: uniformly drawn token ids, from a fixed seed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xret.encoders.graphs.graph import MODEL_FILE, Graph
from xret.encoders.runtime.session import Session

__all__ = ["channel_scales"]

_TEXTS, _TOKENS = 16, 32


def channel_scales(
    build: Callable[[Graph], object], *, vocabulary: int, positions: int
) -> tuple[NDArray[np.float32] | None, ...]:
    """What to divide the channels of each value by that enters linear layers.

    Args:
        build: adds the encoder and its inputs to a graph.
        vocabulary: token ids are below it.
        positions: the longest text.

    Returns:
        Per value, in the order of `Graph.entering`: (width,) powers of two from 1 on, near the ratio of a channel's
        root mean square to the median channel's; powers of two, so that the division rounds nothing. None for values
        that are no norm's output: there it does harm.
    """
    graph = Graph()
    build(graph)
    measured = [value for value in graph.entering if "Norm" in graph.operator(value)]
    for value in measured:
        rows = graph.node("Reshape", [value, graph.ints(-1, graph.entering[value])])
        graph.output(
            graph.node("ReduceL2", [rows, graph.ints(0)], keepdims=0), f"size.{value}", [graph.entering[value]]
        )
    graph.prune()
    found = _run(graph, [f"size.{value}" for value in measured], vocabulary, positions) if measured else []
    scales = dict(zip(measured, map(_scales, found), strict=True))
    return tuple(scales.get(value) for value in graph.entering)


def _run(graph: Graph, outputs: list[str], vocabulary: int, positions: int) -> list[NDArray[np.float32]]:
    tokens = max(1, min(_TOKENS, positions))
    ids = np.random.default_rng(0).integers(0, vocabulary, (_TEXTS, tokens))
    sizes = {"batch": _TEXTS, "tokens": tokens}
    feed = {
        name: np.zeros([sizes[size] if isinstance(size, str) else size for size in shape], np.int64)
        for name, shape in graph.inputs.items()
    }
    feed |= {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    with tempfile.TemporaryDirectory() as folder:  # a graph may be too large for one message
        graph.save(Path(folder))
        return Session(Path(folder) / MODEL_FILE, device="cpu").run_all(feed, outputs)


def _scales(sizes: NDArray[np.float32]) -> NDArray[np.float32]:
    ratios = sizes / max(float(np.median(sizes)), 1e-20)
    powers = np.rint(np.log2(np.maximum(ratios, 1)))
    scales: NDArray[np.float32] = np.exp2(powers).astype(np.float32)
    return scales
