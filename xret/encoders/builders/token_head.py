"""The token head of an ``xret-hybrid`` model: a text's own vector and its tokens' as one set for MaxSim.

With x_i a token's corrected vector, u_i its direction, z_i the weighted one, s their faded sum and P z_i the token's
share of the sentence vector (see `xret.encoders.builders.hybrid`):

    t_i = (L2(W u_i + U GELU(V u_i)), 0),    log r_i = a log |P z_i| + v · x_i + b  (between -8 and 8)
    t   = (L2(T s), 1) / sqrt 2,             r = exp(c) Σ r_i

where t, of weight r, stands for the text and comes first. Its last value keeps words and wholes apart: a query's own
vector finds the document's, not a word's that happens to lie near, so MaxSim over both is a cosine plus a MaxSim, in
one index. Rows are as long as the root of their weight.

Layout: ``token_head.direct.weight`` (size - 1, hidden_size), ``token_head.up.weight`` (inner, hidden_size),
``token_head.down.weight`` (size - 1, inner), ``token_head.text.weight`` (size - 1, hidden_size),
``token_head.weight.weight`` (1, hidden_size), ``token_head.scalars`` (3,): a, b, c. config.json: ``token_head: {size,
inner, document_tokens, fade}``.
"""

from __future__ import annotations

import math
from typing import Any

from xret.encoders.builders.layers import activate
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph
from xret.encoders.graphs.heads import unit
from xret.encoders.recipe import TokenHead
from xret.errors import ModelError

__all__ = ["LIMIT", "add_token_head", "token_head"]

_HALF = math.sqrt(0.5)
LIMIT = 8.0  # of a log weight: neither nothing nor everything


def token_head(config: dict[str, Any]) -> tuple[int, TokenHead] | None:
    """Width and rules of the head that config.json names; None where it names none.

    Raises:
        ModelError: a size that cannot be.
    """
    given = config.get("token_head")
    if given is None:
        return None
    if not isinstance(given, dict):
        raise ModelError("config.json: 'token_head' is no object; it is damaged")
    for key, least in (("size", 2), ("inner", 1), ("document_tokens", 0), ("fade", 0)):
        value = given.get(key, 0)
        kinds = (int, float) if key == "fade" else (int,)
        if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value < 1 << 31:
            raise ModelError(f"config.json: 'token_head.{key}' is {value!r}, wanted a number from {least}")
    rules = TokenHead(
        hidden=config["output_size"], document_tokens=given.get("document_tokens", 0),
        fade=float(given.get("fade", 0.0)),
    )  # fmt: skip
    return given["size"], rules


def add_token_head(
    graph: Graph, weights: Weights, config: dict[str, Any], *, vectors: str, hidden: str, shown: str, pooled: str
) -> str:
    """Add the head; gives float32 (batch, 1 + tokens, size).

    Args:
        graph: computes in float32 from here on.
        weights: hold the tensors of the layout.
        config: of the model.
        vectors: (batch, tokens, hidden_size) x.
        hidden: (batch, tokens, output_size) P z.
        shown: bool (batch, tokens, 1): which tokens there are.
        pooled: (batch, hidden_size) s.
    """
    size, inner, width = config["token_head"]["size"] - 1, config["token_head"]["inner"], config["hidden_size"]
    shapes = {
        "direct": (size, width), "up": (inner, width), "down": (size, inner), "text": (size, width),
        "weight": (1, width),
    }  # fmt: skip
    name = "token_head.{}.weight".format
    matrices = {key: graph.weight(name(key), weights.get(name(key), *shape).T) for key, shape in shapes.items()}
    directions = unit(graph, vectors)
    curved = activate(graph, graph.node("MatMul", [directions, matrices["up"]]), "", "gelu")
    straight = graph.node("MatMul", [directions, matrices["direct"]])
    tokens = unit(graph, graph.node("Add", [straight, graph.node("MatMul", [curved, matrices["down"]])]))
    tokens = graph.node("Where", [shown, tokens, graph.scalar(0.0)])  # no numbers, perhaps, behind the last token
    text = unit(graph, graph.node("MatMul", [pooled, matrices["text"]]))
    text = graph.node("Unsqueeze", [graph.node("Mul", [text, graph.scalar(_HALF)]), graph.ints(1)])
    weight, total = _weights(graph, weights, matrices["weight"], vectors=vectors, hidden=hidden, shown=shown)
    parts = [_marked(graph, text, total, _HALF), _marked(graph, tokens, weight, 0.0)]
    return graph.node("Concat", parts, axis=1)


def _weights(
    graph: Graph, weights: Weights, matrix: str, *, vectors: str, hidden: str, shown: str
) -> tuple[str, str]:  # fmt: skip
    """(batch, tokens, 1) of the tokens, 0 where there is none, and (batch, 1, 1) of the text."""
    a, b, c = (float(value) for value in weights.get("token_head.scalars", 3))
    length = graph.node("ReduceL2", [hidden, graph.ints(-1)], keepdims=1)
    log = graph.node("Log", [graph.node("Max", [length, graph.scalar(1e-6)])])
    log = graph.node("Add", [graph.node("MatMul", [vectors, matrix]), graph.node("Mul", [log, graph.scalar(a)])])
    log = graph.node("Clip", [graph.node("Add", [log, graph.scalar(b)]), graph.scalar(-LIMIT), graph.scalar(LIMIT)])
    weight = graph.node("Where", [shown, graph.node("Exp", [log]), graph.scalar(0.0)])
    total = graph.node("ReduceSum", [weight, graph.ints(1)], keepdims=1)
    return weight, graph.node("Mul", [total, graph.scalar(math.exp(c))])


def _marked(graph: Graph, rows: str, weight: str, mark: float) -> str:
    """`rows` with a last value `mark`, as long as the root of their weight."""
    one = graph.node("Add", [graph.node("Mul", [weight, graph.scalar(0.0)]), graph.scalar(mark)])
    marked = graph.node("Concat", [rows, one], axis=2)
    return graph.node("Mul", [marked, graph.node("Sqrt", [weight])])
