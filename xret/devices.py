"""Where encoders compute, and what is missing where they cannot."""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import io
import logging
import re
import sys
from pathlib import Path
from typing import Any

from xret.errors import DeviceError, UsageError, require

__all__ = ["CUDA", "DEVICES", "cuda_number", "gpu_count", "is_cuda", "usable_device"]

DEVICES = ("auto", "cpu", "cuda", "cuda:N")
CUDA = "CUDAExecutionProvider"
logger = logging.getLogger("xret")


def is_cuda(device: str) -> bool:
    """Whether `device` is a GPU: ``cuda``, ``cuda:1``, …"""
    return device.partition(":")[0] == "cuda"


def cuda_number(device: str) -> int:
    """The number of the GPU in ``cuda:N``; 0 for ``cuda``."""
    return int(device.partition(":")[2] or 0)


def usable_device(device: str) -> str:
    """``cpu``, ``cuda`` or ``cuda:N``: what `device` comes to on this machine.

    Raises:
        DeviceError: CUDA was asked for and cannot be used; the message names what is missing.
        UsageError: the name is not known.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,4})?", device):
        raise UsageError(f"device '{device}' is not known; known: {', '.join(DEVICES)}")
    if device == "cpu":
        return "cpu"
    reason = _missing(require("onnxruntime", extra="cpu", purpose="encoding text"), device)
    if reason and is_cuda(device):
        raise DeviceError(f"device {device} cannot be used: {reason}")
    if reason:
        logger.debug("device auto takes the CPU: %s", reason)
        return "cpu"
    return device if is_cuda(device) else "cuda"


def gpu_count() -> int:
    """GPUs that the driver finds; 0 where there is no driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1" if sys.platform != "win32" else "nvcuda.dll")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    return 0 if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) else count.value


def _missing(runtime: Any, device: str) -> str | None:
    """What CUDA lacks, by name."""
    if CUDA not in runtime.get_available_providers():
        return _wrong_package()
    if hasattr(runtime, "preload_dlls"):
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does not find; what matters is said below
            runtime.preload_dlls()  # CUDA and cuDNN from the nvidia-* wheels
    if sys.platform != "linux":
        return None
    if reason := _missing_library(Path(str(runtime.__file__)).parent / "capi"):
        return reason
    if (count := gpu_count()) <= cuda_number(device):
        found = "no GPU" if not count else f"{count} GPU{'s' * (count > 1)}, numbered from 0"
        return f"the driver finds {found}"
    return None


def _missing_library(folder: Path) -> str | None:
    try:
        # Loaded by hand first: the runtime would only log the missing library and go on with the CPU.
        ctypes.CDLL(str(folder / "libonnxruntime_providers_shared.so"), mode=ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(folder / "libonnxruntime_providers_cuda.so"))
        ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        if "libcuda.so.1" in str(error):
            return f"{error}; install NVIDIA's driver"
        return f"{error}; install the missing library, or the extra that brings it: pip install 'xret[gpu-encode]'"
    return None


def _wrong_package() -> str:
    if {"onnxruntime", "onnxruntime-gpu"} <= _installed():
        return (
            "onnxruntime and onnxruntime-gpu are both installed and overwrite each other's files; "
            "pip uninstall both, then pip install 'xret[gpu-encode]'"
        )
    return "this onnxruntime is built without CUDA; pip uninstall onnxruntime, then pip install 'xret[gpu-encode]'"


def _installed() -> set[str]:
    found = set()
    for name in ("onnxruntime", "onnxruntime-gpu"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            importlib.metadata.distribution(name)
            found.add(name)
    return found
