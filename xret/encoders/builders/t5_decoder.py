"""T5's, mT5's and umT5's decoders as two ONNX graphs: one reads a text once, the other writes one token at a time.

The first is the encoder with every decoder layer's keys and values over its output, which stay the same while a text is
written. The second takes them, the keys and values of the tokens written so far and the last token, and gives the next
one's scores. Several continuations of one text share its keys and values: they are looked up side by side, not copied.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xret.encoders.builders import t5
from xret.encoders.builders.family import must
from xret.encoders.builders.layers import dense, refuse_rest, vector
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph
from xret.errors import ModelError

__all__ = ["CROSS", "LOGITS", "PAST", "PRESENT", "TOP_IDS", "TOP_LOGITS", "build_reader", "build_writer", "layer_count"]

LOGITS, TOP_LOGITS, TOP_IDS = "logits", "top_logits", "top_ids"
CROSS, PAST, PRESENT = ("cross_key", "cross_value"), ("past_key", "past_value"), ("present_key", "present_value")
_BLOCKED = -1e9  # added to the scores of what is padding


def layer_count(config: dict[str, Any]) -> int:
    """Layers of the decoder: as many as of the encoder unless config.json says otherwise.

    Raises:
        ModelError: not a number, or buckets that no decoder can have.
    """
    count = config.get("num_decoder_layers") or must(config, "num_layers", int)
    if type(count) is not int or not 1 <= count <= 10_000:
        raise ModelError(f"config.json: 'num_decoder_layers' is {count!r}, wanted a number of layers")
    buckets, longest = t5.bucketing(config)
    if longest <= buckets // 2:
        raise ModelError(
            f"config.json: relative_attention_max_distance {longest} for a decoder with {buckets} buckets; wanted more "
            f"than {buckets // 2}"
        )
    return count


def build_reader(graph: Graph, weights: Weights, config: dict[str, Any]) -> None:
    """Add the encoder, and for each decoder layer its keys and values.

    Inputs: int64 ``input_ids`` and ``attention_mask`` (batch, source), padded on the right.
    Outputs: ``cross_key_i`` (batch, heads, d_kv, source) and ``cross_value_i`` (batch, heads, source, d_kv).
    """
    for name in ("input_ids", "attention_mask"):
        graph.input(name, ("batch", "source"))
    hidden = t5.build(graph, weights, config).hidden
    heads, width = config["num_heads"], config["d_kv"]
    shape = graph.ints(0, 0, heads, width)
    for i in range(layer_count(config)):
        name = f"decoder.block.{i}.layer.1.EncDecAttention"
        for part, order, output in (("k", [0, 2, 3, 1], CROSS[0]), ("v", [0, 2, 1, 3], CROSS[1])):
            value = _project(graph, weights, config, f"{name}.{part}", hidden)
            value = graph.node("Transpose", [graph.node("Reshape", [value, shape])], perm=order)
            sizes = ("batch", heads, width, "source") if part == "k" else ("batch", heads, "source", width)
            graph.output(graph.full(value) if graph.precision == "fp16" else value, f"{output}_{i}", sizes)


def build_writer(graph: Graph, weights: Weights, config: dict[str, Any]) -> None:
    """Add one step of the decoder.

    Inputs: int64 ``input_ids`` (rows, 1), the last token of each of rows = batch * n continuations, those of a text one
    after the other; ``live`` (kept,), the rows that are not finished: scoring all words is most of the work;
    ``source_mask`` (batch, source); ``top_k`` (1,); float32 ``cross_key_i`` and ``cross_value_i`` as the reader gives
    them; ``past_key_i`` (rows, heads, d_kv, past) and ``past_value_i`` (rows, heads, past, d_kv), past 0 at first.
    Outputs: ``logits`` (kept, vocabulary) of the next token, the ``top_k`` largest as ``top_logits`` and ``top_ids``
    (kept, k), largest first and of equal ones the lowest id; ``present_key_i`` and ``present_value_i``, one longer.

    Raises:
        ModelError: the weights do not fit the config, or some are left over.
    """
    layers, heads, width = layer_count(config), config["num_heads"], config["d_kv"]
    graph.input("input_ids", ("rows", 1))
    graph.input("source_mask", ("batch", "source"))
    graph.input("top_k", (1,))
    graph.input("live", ("kept",))
    for i in range(layers):
        graph.input(f"{CROSS[0]}_{i}", ("batch", heads, width, "source"), real=True)
        graph.input(f"{CROSS[1]}_{i}", ("batch", heads, "source", width), real=True)
        graph.input(f"{PAST[0]}_{i}", ("rows", heads, width, "past"), real=True)
        graph.input(f"{PAST[1]}_{i}", ("rows", heads, "past", width), real=True)
    value = _layers(graph, weights, config, layers)
    if _scaled(config):
        value = graph.node("Mul", [value, graph.scalar(config["d_model"] ** -0.5)])
    kept = graph.node("Gather", [graph.node("Squeeze", [value, graph.ints(1)]), "live"], axis=0)
    logits = graph.linear(kept, "lm_head", _head(weights, config).T)
    graph.output(logits, LOGITS, ("kept", config["vocab_size"]))
    best = graph.node("TopK", [logits, "top_k"], outputs=2, axis=-1)
    graph.output(best, TOP_LOGITS, ("kept", "k"))
    graph.output(f"{best}.1", TOP_IDS, ("kept", "k"), whole=True)
    read = [f"decoder.block.{i}.layer.1.EncDecAttention.{part}." for i in range(layers) for part in ("k", "v")]
    unread = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias."  # in T5's own files, of no use
    tied = ("encoder.", "shared.", "decoder.embed_tokens.", "lm_head.")
    refuse_rest(weights, "", [*tied, *read, unread], f"{config['model_type']} decoder")


def _layers(graph: Graph, weights: Weights, config: dict[str, Any], layers: int) -> str:
    """(rows, 1, d_model): the last token after all layers and the final norm."""
    total, blocked, distances = t5.embed(graph, weights, config, "decoder."), _padding(graph), _distances(graph, config)
    first = vector(graph, weights, "decoder.block.0.layer.0.layer_norm.weight", config["d_model"])
    value = graph.node("SimplifiedLayerNormalization", [total, first], axis=-1, epsilon=t5.epsilon(config))
    bias = ""
    for i in range(layers):
        layer = f"decoder.block.{i}.layer"
        if i == 0 or config["model_type"] == "umt5":  # the others share the first layer's
            bias = _bias(graph, weights, config, f"{layer}.0.SelfAttention", distances)
        attended = _look_back(graph, weights, config, i, value, bias)
        value, total = t5.close(graph, weights, config, attended, total, f"{layer}.1.layer_norm")
        attended = _look_over(graph, weights, config, i, value, blocked)
        value, total = t5.close(graph, weights, config, attended, total, f"{layer}.2.layer_norm")
        inner = t5.feed(graph, weights, config, f"{layer}.2.DenseReluDense", value)
        following = "decoder.final_layer_norm" if i + 1 == layers else f"decoder.block.{i + 1}.layer.0.layer_norm"
        value, total = t5.close(graph, weights, config, inner, total, following)
    return value


def _project(graph: Graph, weights: Weights, config: dict[str, Any], name: str, value: str) -> str:
    size = (config["d_model"], config["num_heads"] * config["d_kv"])
    return dense(graph, weights, name, value, bias=False, size=size[::-1] if name.endswith(".o") else size)


def _look_back(graph: Graph, weights: Weights, config: dict[str, Any], i: int, value: str, bias: str) -> str:
    """Self-attention of the last token over those written before it and itself."""
    heads, width, name = config["num_heads"], config["d_kv"], f"decoder.block.{i}.layer.0.SelfAttention"
    query, key, content = (_project(graph, weights, config, f"{name}.{part}", value) for part in "qkv")
    row, column = graph.ints(-1, heads, 1, width), graph.ints(-1, heads, width, 1)
    keys = graph.node("Concat", [f"{PAST[0]}_{i}", graph.node("Reshape", [key, column])], axis=3)
    contents = graph.node("Concat", [f"{PAST[1]}_{i}", graph.node("Reshape", [content, row])], axis=2)
    graph.output(keys, f"{PRESENT[0]}_{i}", ("rows", heads, width, "present"))
    graph.output(contents, f"{PRESENT[1]}_{i}", ("rows", heads, "present", width))
    scores = graph.node("Add", [graph.node("MatMul", [graph.node("Reshape", [query, row]), keys]), bias])
    found = graph.node("MatMul", [graph.node("Softmax", [scores], axis=-1), contents])
    joined = graph.node("Reshape", [found, graph.ints(-1, 1, heads * width)])
    return _project(graph, weights, config, f"{name}.o", joined)


def _look_over(graph: Graph, weights: Weights, config: dict[str, Any], i: int, value: str, blocked: str) -> str:
    """Attention over the text: the n continuations of one are n queries to the same keys."""
    heads, width, name = config["num_heads"], config["d_kv"], f"decoder.block.{i}.layer.1.EncDecAttention"
    query = _project(graph, weights, config, f"{name}.q", value)
    texts = graph.node("Shape", ["source_mask"], start=0, end=1)
    shape = graph.node("Concat", [texts, graph.ints(-1, heads, width)], axis=0)
    query = graph.node("Transpose", [graph.node("Reshape", [query, shape])], perm=[0, 2, 1, 3])
    scores = graph.node("Add", [graph.node("MatMul", [query, f"{CROSS[0]}_{i}"]), blocked])
    found = graph.node("MatMul", [graph.node("Softmax", [scores], axis=-1), f"{CROSS[1]}_{i}"])
    found = graph.node("Transpose", [found], perm=[0, 2, 1, 3])
    return _project(
        graph, weights, config, f"{name}.o", graph.node("Reshape", [found, graph.ints(-1, 1, heads * width)])
    )


def _padding(graph: Graph) -> str:
    """(batch, 1, 1, source): 0 where there is text, and far below where there is padding."""
    hidden = graph.node("Sub", [graph.scalar(1.0), graph.to_float("source_mask")])
    return graph.node("Unsqueeze", [graph.node("Mul", [hidden, graph.scalar(_BLOCKED)]), graph.ints(1, 2)])


def _distances(graph: Graph, config: dict[str, Any]) -> str:
    """int64 (past + 1,): how far before the last token each token stands, the longest that tells at most."""
    past = graph.node("Squeeze", [graph.node("Shape", [f"{PAST[0]}_0"], start=3, end=4)])
    minus, longest = graph.weight("minus", np.array(-1, np.int64)), t5.bucketing(config)[1]
    zero, most = graph.weight("nearest", np.array(0, np.int64)), graph.weight("furthest", np.array(longest, np.int64))
    return graph.node("Clip", [graph.node("Range", [past, minus, minus]), zero, most])


def _bias(graph: Graph, weights: Weights, config: dict[str, Any], name: str, distances: str) -> str:
    """(1, heads, 1, past + 1): added to the scores of the tokens before."""
    count, longest = t5.bucketing(config)
    learned = weights.get(f"{name}.relative_attention_bias.weight", count, config["num_heads"])
    table = learned[t5.buckets(-np.arange(longest + 1), count=count, longest=longest, both=False)]
    rows = graph.node("Gather", [graph.weight(f"{name}.bias", np.ascontiguousarray(table.T)), distances], axis=1)
    return graph.node("Unsqueeze", [rows, graph.ints(0, 2)])


def _head(weights: Weights, config: dict[str, Any]) -> Any:
    """(vocabulary, d_model): what scores words; the table of words itself where the checkpoint has no other."""
    names = ("lm_head.weight", "shared.weight", "decoder.embed_tokens.weight", "encoder.embed_tokens.weight")
    name = next((name for name in names if name in weights), names[1])
    return weights.get(name, config["vocab_size"], config["d_model"])


def _scaled(config: dict[str, Any]) -> bool:
    """Whether the last states are scaled before they are scored: where the table of words does that, but in mT5.

    T5 1.1 says that its tables are not tied. transformers 5 ties all that are alike and keeps T5's answer apart.
    """
    if config["model_type"] == "mt5":
        return False
    return bool(config.get("scale_decoder_outputs", config.get("tie_word_embeddings") is not False))
