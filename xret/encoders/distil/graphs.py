"""ONNX graphs beside a student's weights, for other programs; xret builds its own from the weights."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import get_args

from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.graphs.graph import Precision
from xret.encoders.runtime.sessions import build_graph
from xret.errors import ModelError

__all__ = ["write_graphs"]

log = logging.getLogger("xret")


def write_graphs(folder: Path) -> tuple[str, ...]:
    """Write ``onnx/PRECISION/model.onnx`` into a model folder, in every precision that its family computes in.

    A static model gets one graph, whose table is int8 as on disk: float16 would halve nothing but its projection.

    Returns:
        The precisions written.
    """
    written = []
    checkpoint = open_checkpoint(folder)
    for precision in ("fp32",) if checkpoint.family.table else get_args(Precision):
        target = folder / "onnx" / precision
        try:
            graph = build_graph(checkpoint, precision=precision)
            target.mkdir(parents=True)
            graph.save(target)
        except ModelError as error:
            log.info("no %s graph: %s", precision, error)
            continue
        written.append(precision)
    return tuple(written)
