"""An ONNX Runtime session on the device asked for, or an error: never a silent fall back to the CPU."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.devices import CUDA, DEVICES, cuda_number, is_cuda, usable_device
from xret.errors import DeviceError, ModelError, require
from xret.threads import sensible_threads, usable_cores

__all__ = ["DEVICES", "Session", "usable_device"]

_LONG = 1024  # tokens
_UNKNOWN = 2**62  # slots (texts x tokens) of a batch that the GPU has room for: as many as we like, until it fails
# What the runtime says of itself, the driver and cuBLAS when memory on the GPU runs out; there is no code for it.
_FULL = re.compile(r"[Ff]ailed to allocate memory|out of memory|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED")
# Operators whose running on the CPU would mean that the model does. Arithmetic on shapes may stay there.
_HEAVY = re.compile(r"MatMul|Gemm|Attention|LayerNorm|Gelu|LSTM|GRU|Conv|Softmax|Einsum")
# These put additions and norms together; the CPU kernel of the whole takes 7 times as long as those of the parts.
_SLOW_FUSIONS = ["SkipLayerNormFusion", "BiasSkipLayerNormFusion"]
_RECORD = "session.record_ep_graph_assignment_info"  # from 1.24 on
logger = logging.getLogger("xret")


class Session:
    """Runs an encoder graph on (batch, tokens) arrays."""

    def __init__(self, model: Path | bytes, *, device: str = "auto", threads: int | None = None) -> None:
        """Load a graph; on CUDA its weights stay on the GPU.

        Args:
            model: its file, or the bytes of one.
            device: ``auto`` takes CUDA where it works; ``cuda:1`` is the second GPU.
            threads: CPU threads of one operator, at most 4 a core; None for all cores.

        Raises:
            DeviceError: CUDA was asked for and cannot be used, or not for all of the graph; the message names what is
                missing.
            ModelError: the runtime refuses the graph.
        """
        self._ort = require("onnxruntime", extra="cpu", purpose="encoding text")
        self.threads = sensible_threads(threads) if threads else usable_cores()
        self.device = usable_device(device)
        source = model if isinstance(model, bytes) else str(model)
        self._session = self._on_cuda(source) if is_cuda(self.device) else self._on_cpu(source)
        self._usual, self._long = self._ort.RunOptions(), self._ort.RunOptions()
        # The arena never shrinks by itself; attention over one very long text would hold its gigabytes for good.
        place = f"gpu:{cuda_number(self.device)}" if is_cuda(self.device) else "cpu:0"
        self._long.add_run_config_entry("memory.enable_memory_arena_shrinkage", place)
        self._most = _UNKNOWN
        logger.info("ONNX Runtime %s on %s, %d threads", self._ort.__version__, self.device, self.threads)

    def run(self, feed: Mapping[str, NDArray[np.int64]], output: str) -> NDArray[np.float32]:
        """One output of the graph for one batch; see `run_all`."""
        return self.run_all(feed, [output])[0]

    def run_all(self, feed: Mapping[str, NDArray[np.int64]], outputs: Sequence[str]) -> list[NDArray[np.float32]]:
        """Several outputs of the graph for one batch; one too large for the GPU's memory is run in halves.

        Args:
            feed: the graph's inputs; ``input_ids`` and ``attention_mask`` are (batch, tokens).
            outputs: their names.

        Raises:
            DeviceError: not even one text fits the GPU's memory, or float16 overflowed there.
        """
        texts, tokens = feed["input_ids"].shape
        if texts > 1 and texts * tokens > self._most:
            return self._halved(feed, outputs)
        options = self._long if tokens > _LONG or self._most < _UNKNOWN else self._usual
        try:
            return self._bound(feed, outputs, options) if is_cuda(self.device) else self._plain(feed, outputs, options)
        except Exception as error:  # the runtime has a family of exceptions of its own
            if not (is_cuda(self.device) and _FULL.search(str(error))):
                raise
            if texts == 1:
                raise DeviceError(
                    f"out of GPU memory: {self.device} has no room for one text of {tokens} tokens; "
                    "free the GPU, or encode on the CPU"
                ) from None
        self._most = texts * tokens // 2
        logger.warning("out of GPU memory at %d x %d tokens; going on with smaller batches", texts, tokens)
        return self._halved(feed, outputs)

    def _plain(
        self, feed: Mapping[str, NDArray[np.int64]], outputs: Sequence[str], options: Any
    ) -> list[NDArray[np.float32]]:
        return list(self._session.run(list(outputs), dict(feed), options))

    def _bound(
        self, feed: Mapping[str, NDArray[np.int64]], outputs: Sequence[str], options: Any
    ) -> list[NDArray[np.float32]]:
        """Inputs go where the graph reads them, once; of all that is computed, `outputs` alone come back."""
        binding = self._session.io_binding()
        for name, array in feed.items():
            binding.bind_cpu_input(name, np.ascontiguousarray(array))
        for output in outputs:
            binding.bind_output(output, "cpu")
        self._session.run_with_iobinding(binding, options)
        found = [result.numpy() for result in binding.get_outputs()]
        if not all(np.isfinite(values).all() for values in found):
            raise DeviceError(
                f"values that are no numbers came back from {self.device}: where they are in float16, it does not "
                "hold what this model computes; take NAME:fp32"
            )
        return found

    def _halved(self, feed: Mapping[str, NDArray[np.int64]], outputs: Sequence[str]) -> list[NDArray[np.float32]]:
        texts = len(feed["input_ids"])
        halves = (slice(0, texts // 2), slice(texts // 2, texts))
        parts = [{k: v[half] if len(v) == texts else v for k, v in feed.items()} for half in halves]
        first, second = (self.run_all(part, outputs) for part in parts)
        return [np.concatenate(pair) for pair in zip(first, second, strict=True)]

    def _options(self) -> Any:
        options = self._ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 4  # what goes wrong is raised, and reported once
        options.enable_mem_pattern = False  # kept per shape, and every batch has another one
        return options

    def _on_cpu(self, source: bytes | str) -> Any:
        try:
            return self._ort.InferenceSession(
                source, self._options(), providers=["CPUExecutionProvider"], disabled_optimizers=_SLOW_FUSIONS
            )
        except Exception as error:  # the runtime has a family of exceptions of its own
            raise ModelError(f"ONNX Runtime refuses the graph: {_first_line(error)}") from error

    def _on_cuda(self, source: bytes | str) -> Any:
        """A session on the GPU.

        The arena takes what is asked for: doubling, its default, would hold half of the GPU idle. TF32 keeps 10 bits of
        mantissa: off, so that fp32 on CUDA agrees with the CPU. Attention kernels are left to the runtime's choice.
        """
        options = self._options()
        options.add_session_config_entry(_RECORD, "1")
        settings = {
            "device_id": str(cuda_number(self.device)), "use_tf32": "0", "arena_extend_strategy": "kSameAsRequested",
        }  # fmt: skip
        providers = [(CUDA, settings), "CPUExecutionProvider"]
        try:
            # Without this flag the wrapper would print what failed, and try again on the CPU.
            session = self._ort.InferenceSession(source, options, providers=providers, enable_fallback=0)
        except Exception as error:
            if _FULL.search(str(error)):
                raise DeviceError(f"out of GPU memory: {self.device} has no room for the model's weights") from None
            raise DeviceError(f"device {self.device} cannot be used: ONNX Runtime says {_first_line(error)}") from error
        if session.get_providers()[0] != CUDA:
            raise DeviceError(
                f"device {self.device} cannot be used: ONNX Runtime fell back to the CPU; is there a driver for it?"
            )
        self._check_placement(session)
        return session

    def _check_placement(self, session: Any) -> None:
        """Refuse a graph whose heavy operators have no CUDA kernel.

        The runtime's own ``session.disable_cpu_ep_fallback`` refuses shape arithmetic too, which belongs on the CPU.
        """
        if not hasattr(session, "get_provider_graph_assignment_info"):
            return
        placed = session.get_provider_graph_assignment_info()
        kinds = {node.op_type for part in placed if part.ep_name != CUDA for node in part.get_nodes()}
        if heavy := sorted(filter(_HEAVY.search, kinds)):
            raise DeviceError(
                f"device {self.device} cannot be used for this model: ONNX Runtime {self._ort.__version__} has no CUDA "
                f"kernel for {', '.join(heavy)} in its precision; take another precision (NAME:fp16) or the CPU"
            )
        logger.info("on the CPU, by the runtime's choice: %s", ", ".join(sorted(kinds)) or "nothing")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
