"""The tensors of a checkpoint that have a row for each token, and writing all tensors with fewer rows of these."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.checkpoints.weights import Weights
from xret.errors import ModelError

__all__ = ["token_axes", "write_tensors"]

_TABLE = r"word_embeddings|tok_embeddings|token_embedding|embed_tokens|wte|shared|embedding"
_OUTPUT = r"lm_head|lm_head\.decoder|predictions|predictions\.decoder|vocab_projector|decoder"
_KNOWN = re.compile(
    rf"(.*\.)?({_TABLE}|{_OUTPUT})\.(weight|bias|scale|log_weight)|(.*\.)?final_logits_bias"
    rf"|(.*\.)?({_TABLE})\.(parametrizations\.weight\.(original|\d+\.lora_A)|lora_embedding_A(\.\w+)?)"
)
_PART = 1 << 24  # bytes copied at a time


def token_axes(weights: Weights, config: Mapping[str, Any]) -> dict[str, int]:
    """The tensors with a row (or column) per token -> along which axis.

    Known by their names; others by their rows, if these are as many as the vocabulary has tokens and as nothing else
    in config.json could explain.

    Args:
        weights: of the checkpoint.
        config: the content of config.json.
    """
    size, found = int(config["vocab_size"]), dict[str, int]()
    for name in weights.names():
        shape = weights.stored(name)[1].shape
        if _KNOWN.fullmatch(name) and size in shape:
            found[name] = shape.index(size)
        elif shape[:1] == (size,) and size not in _sizes(config):
            found[name] = 0
    return found


def _sizes(config: Mapping[str, Any]) -> set[int]:
    """Numbers of rows that other settings stand for."""
    numbers = {value for key, value in config.items() if type(value) is int and key != "vocab_size"}
    return {value * times for value in numbers for times in (1, 2, 3, 4)}


def write_tensors(path: Path, weights: Weights, axes: Mapping[str, int], order: NDArray[np.int64]) -> None:
    """Write a safetensors file: all tensors as they are stored, those of `axes` with the rows of `order`.

    Copies a few MiB at a time. Encoder tables that are the same as ``shared.weight`` are left out, as they are tied to
    it.

    Args:
        path: the file to make.
        weights: the tensors.
        axes: see `token_axes`.
        order: (new tokens,) the old row of each new one.

    Raises:
        ModelError: a table is shorter than the tokeniser needs.
    """
    names = [name for name in weights.names() if not _tied(weights, name)]
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name in names:
        kind, array = weights.stored(name)
        shape = list(array.shape)
        if name in axes:
            shape[axes[name]] = len(order)
        size = int(np.prod(shape, dtype=np.int64)) * array.dtype.itemsize
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for name in names:
            _copy(stream, weights.stored(name)[1], axes.get(name), order)


def _copy(stream: Any, array: NDArray[Any], axis: int | None, order: NDArray[np.int64]) -> None:
    if axis is not None and array.shape[axis] <= int(order.max()):
        raise ModelError(f"the weights have {array.shape[axis]} tokens, the tokeniser more; they do not fit")
    if axis:  # rare and small: adapters, biases
        array, axis = np.take(array, order, axis=axis), None
    little = array.dtype.newbyteorder("<")
    if not array.ndim:
        stream.write(array.astype(little).tobytes())
        return
    step = max(1, _PART // max(1, array[:1].nbytes))
    count = len(array) if axis is None else len(order)
    for start in range(0, count, step):
        part = array[start : start + step] if axis is None else array[order[start : start + step]]
        stream.write(np.ascontiguousarray(part, little).tobytes())


def _tied(weights: Weights, name: str) -> bool:
    """Whether transformers makes this tensor of another that is there too."""
    if not name.endswith("encoder.embed_tokens.weight"):
        return False
    other = name.removesuffix("encoder.embed_tokens.weight") + "shared.weight"
    if other not in weights:
        return False
    (kind, one), (another, two) = weights.stored(name), weights.stored(other)
    return kind == another and one.shape == two.shape and _same(one, two)


def _same(one: NDArray[Any], two: NDArray[Any]) -> bool:
    step = max(1, _PART // max(1, one[:1].nbytes))
    return all(np.array_equal(one[at : at + step], two[at : at + step]) for at in range(0, len(one), step))
