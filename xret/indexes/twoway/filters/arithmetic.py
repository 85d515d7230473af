"""Which arithmetic finds candidates: bytes where the processor multiplies them, else float32, or a GPU."""

from __future__ import annotations

import importlib.util
import logging
import platform
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xret.indexes.twoway.filters.similarity import BlockSimilarity, Float32Similarity

__all__ = ["byte_unit", "choose_similarity"]

logger = logging.getLogger("xret")
# From here on 8 bits save more than loading ONNX Runtime and turning the vectors cost.
_PAIRS, _DIM = 50_000_000, 64
# Flags of /proc/cpuinfo. Without one of them, x86 kernels add products of bytes in 16 bits, which overflow.
_UNITS = {
    "amx_int8": "AMX", "avx512_vnni": "AVX-512 VNNI", "avx_vnni": "AVX-VNNI", "asimddp": "Arm dot product",
}  # fmt: skip


def choose_similarity(
    rows: int, columns: int, dim: int, sample: Callable[[], NDArray[np.float32]] | None = None
) -> BlockSimilarity:
    """The faster arithmetic for a search of `rows` x `columns` vectors; the result is the same.

    8 bits where the processor has a unit for products of bytes, ONNX Runtime is installed, and there are 5 * 10^7 pairs
    or more of vectors of 64 dimensions or more. They are fitted to what `sample` gives, (s, dim) unit vectors of both
    sides.
    """
    if rows * columns < _PAIRS or dim < _DIM or not byte_unit():
        return Float32Similarity()
    if any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxruntime")):
        logger.info(
            "k-NN: 8 bits would be faster on this processor, but ONNX Runtime is missing: pip install xret[cpu]"
        )
        return Float32Similarity()
    from xret.indexes.twoway.filters.int8 import Int8Similarity

    found = Int8Similarity()
    if not found.sound():
        logger.warning("k-NN: this ONNX Runtime gives wrong products of bytes; searching in float32")
        return Float32Similarity()
    if sample is not None:
        found.fit(sample())
    return found


@cache
def byte_unit() -> str | None:
    """What this processor multiplies bytes with, by name; None where it has nothing, or does not tell."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "Arm dot product"  # all of Apple's
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    lines = (line.split(":", 1)[1].split() for line in text.splitlines() if line.startswith(("flags", "Features")))
    flags = set(next(lines, []))
    return next((name for flag, name in _UNITS.items() if flag in flags), None)
