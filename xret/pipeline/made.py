"""When, by what and on which machine a result was made: kept beside results, never in what is hashed."""

from __future__ import annotations

import functools
import os
import platform
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import xret

__all__ = ["made_here", "versions"]

LIBRARIES = ("numpy", "pyarrow", "onnxruntime", "onnxruntime-gpu", "openvino", "tokenizers", "faiss-cpu", "bm25s")


def made_here() -> dict[str, object]:
    """`date` (UTC, seconds), `versions` and `hardware`, now and here."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "versions": dict(versions()),
        "hardware": dict(_hardware()),
    }


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
def _hardware() -> dict[str, str | int]:
    return {"cpu": _cpu(), "cores": os.cpu_count() or 1, "system": f"{platform.system()} {platform.machine()}"}


def _cpu() -> str:
    if sys.platform == "linux":
        try:
            lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
