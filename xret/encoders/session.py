"""An ONNX Runtime session on the device asked for, or an error: never a silent fall back to the CPU."""

from __future__ import annotations

import ctypes
import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.errors import DeviceError, ModelError, UsageError, require
from xret.threads import sensible_threads, usable_cores

__all__ = ["DEVICES", "Session"]

DEVICES = ("auto", "cpu", "cuda")
_CUDA = "CUDAExecutionProvider"
_LONG = 1024  # tokens
logger = logging.getLogger("xret")


class Session:
    """Runs an encoder graph on (batch, tokens) arrays."""

    def __init__(self, model: Path | bytes, *, device: str = "auto", threads: int | None = None) -> None:
        """Load a graph.

        Args:
            model: its file, or the bytes of one.
            device: ``auto`` takes CUDA where it works.
            threads: CPU threads of one operator, at most 4 a core; None for all cores.

        Raises:
            DeviceError: CUDA was asked for and cannot be used; the message names what is missing.
            ModelError: the runtime refuses the graph.
        """
        if device not in DEVICES:
            raise UsageError(f"device '{device}' is not known; known: {', '.join(DEVICES)}")
        self._ort = require("onnxruntime", extra="cpu", purpose="encoding text")
        self.threads = sensible_threads(threads) if threads else usable_cores()
        source = model if isinstance(model, bytes) else str(model)
        opened = None if device == "cpu" else self._on_cuda(source, required=device == "cuda")
        self.device = "cpu" if opened is None else "cuda"
        self._session = opened or self._on_cpu(source)
        self._usual, self._long = self._ort.RunOptions(), self._ort.RunOptions()
        # The arena never shrinks by itself; attention over one very long text would hold its gigabytes for good.
        place = "gpu:0" if self.device == "cuda" else "cpu:0"
        self._long.add_run_config_entry("memory.enable_memory_arena_shrinkage", place)
        logger.info("ONNX Runtime %s on %s, %d threads", self._ort.__version__, self.device, self.threads)

    def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64], output: str) -> NDArray[np.float32]:
        """One output of the graph for (batch, tokens) ids and mask."""
        feed = {"input_ids": ids, "attention_mask": mask}
        options = self._long if ids.shape[1] > _LONG else self._usual
        result: NDArray[np.float32] = self._session.run([output], feed, options)[0]
        return result

    def _options(self) -> Any:
        options = self._ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 4  # what goes wrong is raised, and reported once
        options.enable_mem_pattern = False  # kept per shape, and every batch has another one
        return options

    def _on_cpu(self, source: bytes | str) -> Any:
        try:
            return self._ort.InferenceSession(source, self._options(), providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime has a family of exceptions of its own
            raise ModelError(f"ONNX Runtime refuses the graph: {_first_line(error)}") from error

    def _on_cuda(self, source: bytes | str, *, required: bool) -> Any | None:
        """A session on the GPU, or None where there is none to be had and it is not required."""
        reason = self._missing()
        if reason is None:
            # TF32 keeps 10 bits of mantissa: off, so that CUDA and CPU vectors agree.
            provider = (_CUDA, {"use_tf32": "0", "arena_extend_strategy": "kSameAsRequested"})
            try:
                session = self._ort.InferenceSession(
                    source, self._options(), providers=[provider, "CPUExecutionProvider"]
                )
            except Exception as error:
                reason = f"ONNX Runtime says {_first_line(error)}"
            else:
                if session.get_providers()[0] == _CUDA:
                    return session
                reason = "ONNX Runtime fell back to the CPU; is there a GPU, and a driver for it?"
        if required:
            raise DeviceError(f"device cuda cannot be used: {reason}")
        logger.debug("device auto takes the CPU: %s", reason)
        return None

    def _missing(self) -> str | None:
        """What CUDA lacks, by name."""
        if _CUDA not in self._ort.get_available_providers():
            return "this onnxruntime is built without CUDA; pip uninstall onnxruntime, then pip install 'xret[gpu]'"
        if hasattr(self._ort, "preload_dlls"):
            self._ort.preload_dlls()  # CUDA and cuDNN from the nvidia-* wheels
        if sys.platform != "linux":
            return None
        folder = Path(str(self._ort.__file__)).parent / "capi"
        try:
            # Loaded by hand first: the runtime would only log the missing library and go on with the CPU.
            ctypes.CDLL(str(folder / "libonnxruntime_providers_shared.so"), mode=ctypes.RTLD_GLOBAL)
            ctypes.CDLL(str(folder / "libonnxruntime_providers_cuda.so"))
            ctypes.CDLL("libcuda.so.1")
        except OSError as error:
            return f"{error}; install the missing library, or the extra that brings it: pip install 'xret[gpu]'"
        return None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
