"""The graph after the last hidden state: pooling, dense heads, L2, as sentence-transformers defines them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from xret.encoders.checkpoints.saved_map import MAP_TENSORS
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph
from xret.encoders.recipe import Dense, Normalize, PostMap, Recipe, Scores, Sparse
from xret.errors import ModelError

__all__ = [
    "LANGUAGE",
    "PROMPT",
    "SCORES",
    "SENTENCE",
    "TOKENS",
    "WEIGHTS",
    "add_score_output",
    "add_sentence_output",
    "add_token_output",
    "add_weight_output",
    "unit",
]

PROMPT = "prompt_length"  # input int64 (1,): how many first tokens are the prompt's, where pooling leaves them out
LANGUAGE = "lang_id"  # input int64 (1,): the place of the texts' language in `Recipe.languages`
SENTENCE, TOKENS, WEIGHTS, SCORES = "sentence_embedding", "token_embeddings", "token_weights", "scores"


def add_token_output(
    graph: Graph, hidden: str, recipe: Recipe, weights: Mapping[str, Weights], tokens: str | None = None
) -> None:
    """Declare the output ``token_embeddings``: float32 (batch, tokens, token_dim) rows.

    They have length 1, unless the recipe says that a row's length is its token's weight.

    Args:
        graph: where to.
        hidden: float32 (batch, tokens, width) value: the last hidden state.
        recipe: tells the width, and the projections of a multi-vector model.
        weights: tensors of each projection, by its folder.
        tokens: what the family's own head made, where it has one (see `TokenHead`).
    """
    if tokens is not None:
        graph.output(tokens, TOKENS, ["batch", "text_and_tokens", recipe.token_dim])
        return
    for head in recipe.multi_vector.projections if recipe.multi_vector else ():
        hidden = _dense(graph, hidden, head, weights[head.folder])
    graph.output(hidden if recipe.token_weights else unit(graph, hidden), TOKENS, ["batch", "tokens", recipe.token_dim])


def add_weight_output(graph: Graph, hidden: str, sparse: Sparse, weights: Mapping[str, Weights]) -> None:
    """Declare the output ``token_weights``: float32 (batch, tokens), none below 0.

    Args:
        graph: where to.
        hidden: float32 (batch, tokens, width) value: the last hidden state.
        sparse: the head.
        weights: its tensors, by its folder.
    """
    value = graph.node("Relu", [_dense(graph, hidden, sparse.head, weights[sparse.head.folder])])
    graph.output(graph.node("Squeeze", [value, graph.ints(2)]), WEIGHTS, ["batch", "tokens"])


def add_score_output(graph: Graph, hidden: str, scores: Scores, weights: Weights) -> None:
    """Declare the output ``scores``: float32 (batch,), each the score of a pair of texts.

    Args:
        graph: holds the int64 input ``attention_mask`` (batch, tokens), padded on the right.
        hidden: float32 (batch, tokens, width) value: the last hidden state.
        scores: the head.
        weights: hold its tensors.
    """
    value = _POOLINGS[scores.pooling](graph, hidden, graph.node("Cast", ["attention_mask"], to=1))
    for place, layer in enumerate(scores.layers):
        if scores.norm and place == len(scores.layers) - 1:
            value = _norm(graph, value, scores, layer.in_features, weights)
        value = _dense(graph, value, layer, weights)
    graph.output(graph.node("Squeeze", [value, graph.ints(1)]), SCORES, ["batch"])


def _norm(graph: Graph, value: str, scores: Scores, width: int, weights: Weights) -> str:
    gain = weights.get(f"{scores.norm}.weight", width)
    shift = weights.get(f"{scores.norm}.bias", width) if f"{scores.norm}.bias" in weights else np.zeros_like(gain)
    inputs = [value, graph.weight("score_norm.weight", gain), graph.weight("score_norm.bias", shift)]
    return graph.node("LayerNormalization", inputs, epsilon=scores.epsilon)


def add_sentence_output(
    graph: Graph, hidden: str, pooled: str | None, recipe: Recipe, weights: dict[str, Weights]
) -> None:
    """Declare the output ``sentence_embedding``: float32 (batch, dim) rows of length 1.

    Args:
        graph: holds the int64 input ``attention_mask`` (batch, tokens), padded on the right.
        hidden: float32 (batch, tokens, width) value: the last hidden state.
        pooled: float32 (batch, width) value where the family pools by itself, else None.
        recipe: pooling modes and heads.
        weights: tensors of each dense head, by its folder, and those of the map after them.
    """
    if pooled is None:
        mask = _counted(graph, recipe)
        modes = [_POOLINGS[mode](graph, hidden, mask) for mode in recipe.pooling]
        pooled = modes[0] if len(modes) == 1 else graph.node("Concat", modes, axis=-1)
    for head in recipe.heads:
        pooled = (
            unit(graph, pooled) if isinstance(head, Normalize) else _dense(graph, pooled, head, weights[head.folder])
        )
    if recipe.base_dim < recipe.full_dim:
        pooled = graph.node("Slice", [pooled, graph.ints(0), graph.ints(recipe.base_dim), graph.ints(1)])
    vectors = _safe(graph, unit(graph, pooled), recipe.base_dim)
    if recipe.post_map:
        mapped = _mapped(graph, vectors, recipe.post_map, weights[MAP_TENSORS])
        vectors = _safe(graph, unit(graph, mapped), recipe.dim)
    graph.output(vectors, SENTENCE, ["batch", recipe.dim])


def _mapped(graph: Graph, value: str, post_map: PostMap, weights: Weights) -> str:
    """`value` through the map of the texts' language, or the one for all."""
    rows, width = max(post_map.rows, default=0) + 1, post_map.out_features
    tables = weights.get("weight"), weights.get("offset", rows, width)
    if tables[0].shape not in ((1, post_map.in_features, width), (rows, post_map.in_features, width)):
        raise ModelError(f"{weights.source}: 'weight' is {tables[0].shape}, map.json wants {rows} rows; adapt again")
    if not post_map.rows:
        product = graph.node("MatMul", [value, graph.weight("map.weight", tables[0][0])])
        return graph.node("Add", [product, graph.weight("map.offset", tables[1])])
    row = graph.node("Gather", [graph.ints(*post_map.rows), LANGUAGE])
    if len(tables[0]) == 1:
        matrix = graph.weight("map.weight", tables[0][0])
    else:
        picked = graph.node("Gather", [graph.weight("map.weight", tables[0]), row])
        matrix = graph.node("Squeeze", [picked, graph.ints(0)])
    offset = graph.node("Gather", [graph.weight("map.offset", tables[1]), row])
    return graph.node("Add", [graph.node("MatMul", [value, matrix]), offset])


def _counted(graph: Graph, recipe: Recipe) -> str:
    """Which tokens pooling counts, as float32 (batch, tokens): all real ones, or those behind the prompt."""
    mask = graph.node("Cast", ["attention_mask"], to=1)
    if recipe.include_prompt:
        return mask
    graph.input(PROMPT, [1])
    place = graph.node("CumSum", ["attention_mask", graph.ints(1)])  # counts from 1
    behind = graph.node("Cast", [graph.node("Greater", [place, PROMPT])], to=1)
    return graph.node("Mul", [mask, behind])


def unit(graph: Graph, value: str) -> str:
    """`value` divided by its Euclidean norm over the last axis; zeros stay zeros (torch's `normalize`, eps 1e-12)."""
    norm = graph.node("ReduceL2", [value, graph.ints(-1)], keepdims=1)
    return graph.node("Div", [value, graph.node("Max", [norm, graph.scalar(1e-12)])])


def _safe(graph: Graph, value: str, width: int) -> str:
    """Rows of zeros (texts without a known token) become the first unit vector, so that every row has length 1."""
    zero = graph.node("Equal", [graph.node("ReduceL2", [value, graph.ints(-1)], keepdims=1), graph.scalar(0.0)])
    return graph.node("Where", [zero, graph.weight(f"first_unit.{width}", np.eye(1, width, dtype=np.float32)), value])


def _weighted_sum(graph: Graph, hidden: str, row_weights: str) -> str:
    row = graph.node("Unsqueeze", [row_weights, graph.ints(1)])
    return graph.node("Squeeze", [graph.node("MatMul", [row, hidden]), graph.ints(1)])


def _count(graph: Graph, row_weights: str) -> str:
    total = graph.node("ReduceSum", [row_weights, graph.ints(1)], keepdims=1)
    return graph.node("Max", [total, graph.scalar(1e-9)])


def _mean(graph: Graph, hidden: str, mask: str) -> str:
    return graph.node("Div", [_weighted_sum(graph, hidden, mask), _count(graph, mask)])


def _mean_sqrt_len(graph: Graph, hidden: str, mask: str) -> str:
    return graph.node("Div", [_weighted_sum(graph, hidden, mask), graph.node("Sqrt", [_count(graph, mask)])])


def _weighted_mean(graph: Graph, hidden: str, mask: str) -> str:
    # Padded on the right, so a token's position weight is the number of real tokens up to it; a prompt's count too.
    real = graph.node("Cast", ["attention_mask"], to=1)
    positions = graph.node("Mul", [graph.node("CumSum", [real, graph.ints(1)]), mask])
    return graph.node("Div", [_weighted_sum(graph, hidden, positions), _count(graph, positions)])


def _cls(graph: Graph, hidden: str, mask: str) -> str:
    if PROMPT in graph.inputs:  # the first token behind the prompt
        first = graph.node("ArgMax", [mask], axis=1, keepdims=1)
        return graph.node("GatherND", [hidden, first], batch_dims=1)
    return graph.node("Squeeze", [graph.node("Gather", [hidden, graph.ints(0)], axis=1), graph.ints(1)])


def _last(graph: Graph, hidden: str, mask: str) -> str:
    count = graph.node("ReduceSum", ["attention_mask", graph.ints(1)], keepdims=1)
    index = graph.node("Max", [graph.node("Sub", [count, graph.ints(1)]), graph.ints(0)])
    return graph.node("GatherND", [hidden, index], batch_dims=1)


def _max(graph: Graph, hidden: str, mask: str) -> str:
    real = graph.node("Cast", [graph.node("Unsqueeze", [mask, graph.ints(2)])], to=9)
    masked = graph.node("Where", [real, hidden, graph.scalar(float(np.finfo(np.float32).min))])
    best = graph.node("ReduceMax", [masked, graph.ints(1)], keepdims=0)
    some = graph.node("Cast", [graph.node("ReduceMax", [mask, graph.ints(1)], keepdims=1)], to=9)
    return graph.node("Where", [some, best, graph.scalar(0.0)])


_POOLINGS: dict[str, Callable[[Graph, str, str], str]] = {
    "cls": _cls,
    "max": _max,
    "mean": _mean,
    "mean_sqrt_len_tokens": _mean_sqrt_len,
    "weightedmean": _weighted_mean,
    "lasttoken": _last,
}


def _dense(graph: Graph, value: str, head: Dense, weights: Weights) -> str:
    width, out = head.in_features, head.out_features
    name, tensor = f"{head.folder}/{head.tensor}", f"{head.tensor}.".lstrip(".")
    matrix = graph.weight(f"{name}.weight", weights.get(f"{tensor}weight", out, width).T)
    result = graph.node("MatMul", [value, matrix])
    if head.bias:
        result = graph.node("Add", [result, graph.weight(f"{name}.bias", weights.get(f"{tensor}bias", out))])
    result = _ACTIVATIONS[head.activation](graph, result)
    if not head.residual:
        return result
    if width != out:
        extra = graph.weight(f"{name}.residual", weights.get("residual.weight", out, width).T)
        value = graph.node("MatMul", [value, extra])
    return graph.node("Add", [result, value])


def _gelu(graph: Graph, value: str) -> str:
    inner = graph.node("Erf", [graph.node("Mul", [value, graph.scalar(float(np.sqrt(0.5)))])])
    half = graph.node("Mul", [value, graph.scalar(0.5)])
    return graph.node("Mul", [half, graph.node("Add", [inner, graph.scalar(1.0)])])


_ACTIVATIONS: dict[str, Callable[[Graph, str], str]] = {
    "identity": lambda graph, value: value,
    "tanh": lambda graph, value: graph.node("Tanh", [value]),
    "relu": lambda graph, value: graph.node("Relu", [value]),
    "sigmoid": lambda graph, value: graph.node("Sigmoid", [value]),
    "gelu": _gelu,
}
