"""Which attention kernel ONNX Runtime takes on a GPU depends on the form of the mask; this measures the choices.

By its source (contrib_ops/cuda/bert/multihead_attention.cc), for float16 and no bias:

- lengths (batch,), what xret's graphs give: TensorRT's fused kernels up to compute capability 8.9; on newer cards the
  unfused one, which writes all scores to memory.
- the same, with ``ORT_ENABLE_CUDNN_FLASH_ATTENTION=1``: cuDNN's flash attention, compiled anew for every shape.
- lengths and starts (3 * batch + 2,): the memory-efficient kernel of CUTLASS. Only it: where it cannot be taken (a bias
  over tokens not in eights, heads not of a multiple of 8 values) the unfused kernel takes starts for something else and
  gives wrong values, which is why this is not what xret's graphs do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np

from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.graphs.graph import Graph
from xret.encoders.locate import locate
from xret.encoders.runtime.session import Session
from xret.encoders.runtime.sessions import build_graph

__all__ = ["VARIANTS", "opened", "variant"]

VARIANTS = ("lengths", "cuDNN", "lengths and starts")
_CUDNN = "ORT_ENABLE_CUDNN_FLASH_ATTENTION"


def _starts(graph: Graph) -> str:
    """int32 (3 * batch + 2,): lengths of keys, then where each text's queries begin and the last ends, then keys'."""
    total = graph.node("ReduceSum", ["attention_mask", graph.ints(1)], keepdims=0)
    lengths = graph.node("Cast", [total], to=6)
    shape = graph.node("Shape", ["input_ids"])
    zero, one = (graph.weight(f"int_{value}", np.array(value, np.int64)) for value in (0, 1))
    texts, tokens = graph.node("Gather", [shape, zero]), graph.node("Gather", [shape, one])
    end = graph.node("Add", [graph.node("Mul", [texts, tokens]), one])
    begins = graph.node("Cast", [graph.node("Range", [zero, end, tokens])], to=6)
    return graph.node("Concat", [lengths, begins, begins], axis=0)


@contextmanager
def variant(name: str) -> Iterator[None]:
    """Graphs built, and sessions opened, in here take one of `VARIANTS`."""
    plain, before = Graph.__dict__["lengths"], os.environ.get(_CUDNN)
    if name == "lengths and starts":
        replaced = cached_property(_starts)
        replaced.__set_name__(Graph, "lengths")
        Graph.lengths = replaced  # type: ignore[assignment,method-assign]
    os.environ[_CUDNN] = "1" if name == "cuDNN" else "0"
    try:
        yield
    finally:
        Graph.lengths = plain  # type: ignore[method-assign]
        os.environ.pop(_CUDNN) if before is None else os.environ.update({_CUDNN: before})


def opened(name: str, folder: str, device: str, precision: Any) -> Session:
    """A session of the sentence graph in one of `VARIANTS`."""
    with variant(name):
        graph = build_graph(open_checkpoint(locate(folder)), ("sentence_embedding",), precision=precision)
        return Session(graph.serialized(), device=device)
