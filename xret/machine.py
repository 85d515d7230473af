"""By what and on which machine something is made: kept beside results, never in what is hashed."""

from __future__ import annotations

import functools
import os
import platform
from importlib import metadata
from pathlib import Path

import xret

__all__ = ["hardware", "made_by", "versions"]

LIBRARIES = ("numpy", "pyarrow", "onnxruntime", "onnxruntime-gpu", "openvino", "tokenizers", "faiss-cpu", "bm25s")


@functools.cache
def versions() -> dict[str, str]:
    """Version of xret, of Python and of the libraries that numbers may depend on, as far as they are installed."""
    found = {"xret": xret.__version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@functools.cache
def hardware() -> dict[str, str | int]:
    """`cpu` (its name), `cores` and `system`."""
    return {"cpu": _cpu(), "cores": os.cpu_count() or 1, "system": f"{platform.system()} {platform.machine()}"}


def made_by() -> dict[str, str]:
    """`versions` and `hardware` as one, all texts."""
    return {**versions(), **{name: str(value) for name, value in hardware().items()}}


def _cpu() -> str:
    """Its name as Linux tells it, or what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return named or platform.processor() or platform.machine()
