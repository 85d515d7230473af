"""An OpenVINO session: the same graph in bfloat16 on the CPU, for ``NAME:bf16``.

ONNX Runtime computes in float32 on x86; OpenVINO reads the same file and multiplies in bfloat16 where the processor
can (AVX-512 BF16 or AMX): vectors agree with fp32 to cosine 0.9999. It chooses its kernels by the shape of the batch,
so a text's vector moves a little with its company (1e-3 per value), unlike in fp32 and int8.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.errors import ModelError, require
from xret.threads import sensible_threads, usable_cores

__all__ = ["OpenVinoSession"]

logger = logging.getLogger("xret")


class OpenVinoSession:
    """Runs an encoder graph on (batch, tokens) arrays, as `xret.encoders.runtime.session.Session` does.

    Attributes:
        device: ``cpu``.
        threads: of one operator.
        native: whether the processor computes in bfloat16; where not, the session computes in float32.
    """

    def __init__(self, model: Path | bytes, *, threads: int | None = None) -> None:
        """Load a graph.

        Args:
            model: its file (with the file of its weights beside it, if it has one), or the bytes of one.
            threads: CPU threads, at most 4 a core; None for all cores.

        Raises:
            MissingExtraError: OpenVINO is not installed.
            ModelError: OpenVINO refuses the graph.
        """
        with _untold():
            runtime = require("openvino", extra="openvino", purpose="computing in bf16 on the CPU")
        self.device, self.threads = "cpu", sensible_threads(threads) if threads else usable_cores()
        core = runtime.Core()
        self.native = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if not self.native:
            logger.warning("this processor has no bf16 arithmetic: OpenVINO computes in fp32; NAME:int8 is faster here")
        try:
            read = core.read_model(model if isinstance(model, bytes) else str(model))
            self._compiled = core.compile_model(read, "CPU", self._settings())
        except RuntimeError as error:
            raise ModelError(f"OpenVINO refuses the graph: {_last_line(error)}") from error
        self._request, self._turn = self._compiled.create_infer_request(), Lock()
        kind = "bf16" if self.native else "fp32"
        logger.info("OpenVINO %s on cpu in %s, %d threads", runtime.__version__, kind, self.threads)

    def run(self, feed: Mapping[str, NDArray[np.int64]], output: str) -> NDArray[np.float32]:
        """One output of the graph for one batch; see `run_all`."""
        return self.run_all(feed, [output])[0]

    def run_all(self, feed: Mapping[str, NDArray[np.int64]], outputs: Sequence[str]) -> list[NDArray[np.float32]]:
        """Several outputs of the graph for one batch; threads that share the session take turns.

        Args:
            feed: the graph's inputs; ``input_ids`` and ``attention_mask`` are (batch, tokens).
            outputs: their names.
        """
        arrays = {name: np.ascontiguousarray(array) for name, array in feed.items()}
        with self._turn:  # inputs and outputs are the request's own: another thread would take ours
            self._request.infer(arrays, share_inputs=True)
            return [self._request.get_tensor(output).data.copy() for output in outputs]

    def _settings(self) -> dict[str, Any]:
        return {
            "INFERENCE_PRECISION_HINT": "bf16" if self.native else "f32",
            "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # several processes would be pinned to the same cores
        }


@contextmanager
def _untold() -> Iterator[None]:
    """Keep OpenVINO from reporting its import over the network: it does without its telemetry module where it must."""
    name = "openvino_telemetry"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # how Python marks a module that cannot be imported
    try:
        yield
    finally:
        del sys.modules[name]


def _last_line(error: Exception) -> str:
    """OpenVINO says where in its own source it failed first, and what was wrong last."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
