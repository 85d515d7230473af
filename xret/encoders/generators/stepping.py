"""The two graphs of a model that writes: built or taken from the cache, and run with values that stay on the device."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.artifact import digest
from xret.devices import cuda_number, is_cuda
from xret.encoders.builders.t5_decoder import CROSS, PAST, PRESENT, TOP_IDS, TOP_LOGITS, build_reader, build_writer
from xret.encoders.cache import find_graph, forget_graph, keep_graph
from xret.encoders.checkpoints.faults import readable
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.generators.checkpoint import Seq2Seq
from xret.encoders.graphs.graph import Graph, Precision
from xret.encoders.graphs.int8 import usual_layout
from xret.encoders.runtime.session import Session
from xret.errors import DeviceError, ModelError

__all__ = ["Steps", "Writing"]

_VERSION = 2  # raised when the graphs change: empties the cache
_BUILDERS: dict[str, Callable[[Graph, Weights, dict[str, Any]], None]] = {
    "reader": build_reader, "writer": build_writer,
}  # fmt: skip
logger = logging.getLogger("xret")


class _BoundSession(Session):
    """Runs a graph on values that are on the device already, and leaves there what is to stay."""

    def run_bound(self, feed: Mapping[str, Any], outputs: Sequence[str], *, back: Sequence[str] = ()) -> dict[str, Any]:
        """Outputs by name, as the runtime's own values.

        Args:
            feed: arrays, or values that an earlier call gave.
            outputs: names of those that stay on the device.
            back: names of those that come back to the CPU.

        Raises:
            DeviceError: the GPU has no room.
        """
        binding, cuda = self._session.io_binding(), is_cuda(self.device)
        held = []  # the binding does not keep them alive
        for name, value in feed.items():
            if isinstance(value, np.ndarray):
                value = self._ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(value))
            held.append(value)
            binding.bind_ortvalue_input(name, value)
        for name in (*outputs, *back):
            place = cuda and name not in back
            binding.bind_output(name, "cuda" if place else "cpu", cuda_number(self.device) if place else 0)
        try:
            self._session.run_with_iobinding(binding, self._usual)
        except Exception as error:  # the runtime has a family of exceptions of its own
            if cuda and "memory" in str(error):
                raise DeviceError(
                    f"out of GPU memory: {self.device}; free it, generate fewer samples at once, or take the CPU"
                ) from error
            raise
        return dict(zip((*outputs, *back), binding.get_outputs(), strict=True))


class Steps:
    """The sessions of a model that writes."""

    def __init__(
        self, model: Seq2Seq, *, name: str, identity: str, device: str, precision: Precision, threads: int | None
    ) -> None:
        """Open both graphs, building those that are not in the cache.

        Raises:
            ModelError: the weights do not fit the config.
        """
        self.layers, self.heads, self.width = model.layers, model.config["num_heads"], model.config["d_kv"]
        self._model, self._name, self._identity = model, name, identity
        self.device, self._precision, self._threads = device, precision, threads
        self._reader, self._writer = self._made("reader"), self._made("writer")

    def read(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> dict[str, Any]:
        """What writing needs of texts: keys and values by input name; `ids` and `mask` are (batch, source)."""
        names = [f"{kind}_{i}" for i in range(self.layers) for kind in CROSS]
        return {**self._reader.run_bound({"input_ids": ids, "attention_mask": mask}, names), "source_mask": mask}

    def begin(self, read: dict[str, Any], samples: int) -> Writing:
        """Begin `samples` continuations of each text."""
        rows = len(read["source_mask"]) * samples
        past: dict[str, Any] = {}
        for i in range(self.layers):
            past[f"{PAST[0]}_{i}"] = np.empty((rows, self.heads, self.width, 0), np.float32)
            past[f"{PAST[1]}_{i}"] = np.empty((rows, self.heads, 0, self.width), np.float32)
        return Writing(self, read, past)

    def step(self, feed: Mapping[str, Any], back: Sequence[str]) -> dict[str, Any]:
        """One run of the writing graph: the longer keys and values, and of the others those in `back`."""
        return self._writer.run_bound(feed, [f"{kind}_{i}" for i in range(self.layers) for kind in PRESENT], back=back)

    def _made(self, part: str) -> _BoundSession:
        layout = usual_layout() if self._precision == "int8" else ""
        key = digest("generator", _VERSION, part, self._precision, layout, self._identity)
        if (kept := find_graph(key)) is not None:
            try:
                return self._open(kept)
            except ModelError:
                logger.warning("%s: the kept graph is damaged; building it again", kept)
                forget_graph(key)
        graph, folder = Graph(self._precision), self._model.folder
        with readable(folder):
            try:
                _BUILDERS[part](graph, self._model.weights(), self._model.config)
            except ModelError as error:
                raise ModelError(f"{folder}: {str(error).removeprefix(f'{folder}: ')}") from error
        card = {"name": self._name, "hash": self._identity, "folder": str(folder.absolute()), "dim": 0,
                "family": self._model.config["model_type"]}  # fmt: skip
        return self._open(keep_graph(key, graph, card) or graph.serialized())

    def _open(self, source: Path | bytes) -> _BoundSession:
        return _BoundSession(source, device=self.device, threads=self._threads)


class Writing:
    """Continuations being written, all equally long so far."""

    def __init__(self, steps: Steps, read: dict[str, Any], past: dict[str, Any]) -> None:
        """See `Steps.begin`."""
        self._steps, self._read, self._past = steps, read, past

    def next(
        self, ids: NDArray[np.int64], live: NDArray[np.int64], top_k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The best tokens of the rows `live` after `ids` (rows,), the last ones: logits and ids, (live, top_k)."""
        found = self.advance(ids, live, top_k, (TOP_LOGITS, TOP_IDS))
        return found[TOP_LOGITS], found[TOP_IDS]

    def advance(
        self, ids: NDArray[np.int64], live: NDArray[np.int64], top_k: int, back: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        """One step: the outputs `back` of the writing graph."""
        feed = {
            **self._read, **self._past, "input_ids": ids[:, None], "live": live, "top_k": np.array([top_k], np.int64),
        }  # fmt: skip
        made = self._steps.step(feed, back)
        self._past = {
            f"{past}_{i}": made[f"{present}_{i}"]
            for i in range(self._steps.layers) for past, present in zip(PAST, PRESENT, strict=True)
        }  # fmt: skip
        return {name: made[name].numpy() for name in back}
