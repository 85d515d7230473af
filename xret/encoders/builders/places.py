"""Where tokens stand in their text, as values of the graph: what rotary positions, ALiBi and windows are made of."""

from __future__ import annotations

import numpy as np

from xret.encoders.graphs.graph import Graph

__all__ = ["HIDDEN", "causal", "distances", "places", "window"]

# Added to the score of a token that must not be seen: far below -10000, which the attention operator adds for padding
# (a padded row would otherwise attend to real tokens outside its window), and small enough for float16 even with it.
HIDDEN = -30000.0


def places(graph: Graph) -> str:
    """int64 (batch, tokens): 0, 1, 2, … in every row."""
    return graph.node("Expand", [_count(graph), graph.node("Shape", ["input_ids"])], name="places")


def distances(graph: Graph) -> str:
    """int64 (tokens, tokens): how many places query and key are apart."""
    line = _count(graph)
    column = graph.node("Unsqueeze", [line, graph.ints(1)])
    return graph.node("Abs", [graph.node("Sub", [column, line])], name="distances")


def window(graph: Graph, reach: int) -> str:
    """Attention bias (1, 1, tokens, tokens) that hides keys more than `reach` places away from the query."""
    near = graph.node("LessOrEqual", [distances(graph), graph.weight("reach", np.array(reach, np.int64))])
    bias = graph.node("Where", [near, graph.scalar(0.0), graph.scalar(HIDDEN)])
    return graph.node("Unsqueeze", [bias, graph.ints(0, 1)], name="window")


def causal(graph: Graph) -> str:
    """Attention bias (1, 1, tokens, tokens) that hides keys after the query."""
    line = _count(graph)
    before = graph.node("LessOrEqual", [line, graph.node("Unsqueeze", [line, graph.ints(1)])])
    bias = graph.node("Where", [before, graph.scalar(0.0), graph.scalar(HIDDEN)])
    return graph.node("Unsqueeze", [bias, graph.ints(0, 1)], name="causal")


def _count(graph: Graph) -> str:
    start, step = (graph.weight(f"int_{number}", np.array(number, np.int64)) for number in (0, 1))
    tokens = graph.node("Gather", [graph.node("Shape", ["input_ids"]), step])
    return graph.node("Range", [start, tokens, step])
