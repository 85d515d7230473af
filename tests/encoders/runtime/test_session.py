"""What a session does on a GPU, as far as a machine without one can tell: the runtime's calls are watched."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from xret.devices import gpu_count
from xret.encoders import load_encoder
from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.runtime.batching import token_budget
from xret.encoders.runtime.session import Session
from xret.encoders.runtime.sessions import build_graph
from xret.errors import DeviceError

pytestmark = pytest.mark.usefixtures("quiet")
Made = Callable[..., Path]
OUTPUT = "sentence_embedding"
FULL = "Non-zero status code … BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 8"


class Runtime:
    """ONNX Runtime whose CUDA provider is the CPU's in disguise, with room for `room` slots."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, room: int = 10**9, **changed: Any) -> None:
        import onnxruntime

        self.made, self.runs, self.room, self.changed = list[Any](), list[tuple[int, ...]](), room, changed
        self._real = onnxruntime.InferenceSession
        monkeypatch.setattr(onnxruntime, "InferenceSession", self._open)
        monkeypatch.setattr("xret.encoders.runtime.session.usable_device", lambda device: device)
        monkeypatch.setattr("xret.encoders.load.usable_device", lambda device: device)

    def _open(self, source: Any, options: Any, *, providers: list[Any], **kept: Any) -> Any:
        self.made.append((providers, kept))
        if providers[0] == "CPUExecutionProvider":
            return self._real(source, options, providers=providers)
        if error := self.changed.get("error"):
            raise error
        session = self._real(source, options, providers=["CPUExecutionProvider"])
        placed = [SimpleNamespace(ep_name="CPUExecutionProvider", get_nodes=lambda: self.changed.get("on_cpu", []))]
        return SimpleNamespace(
            get_providers=lambda: [self.changed.get("provider", "CUDAExecutionProvider")],
            get_provider_graph_assignment_info=lambda: placed,
            io_binding=lambda: session.io_binding(),
            run_with_iobinding=lambda binding, options: self._run(session, binding),
        )

    def _run(self, session: Any, binding: Any) -> None:
        shape = binding._numpy_obj_references["input_ids"].shape
        self.runs.append(shape)
        if np.prod(shape) > self.room:
            raise RuntimeError(FULL)
        session.run_with_iobinding(binding)


def graph(folder: Path) -> bytes:
    return build_graph(open_checkpoint(folder)).serialized()


def feed(texts: int, tokens: int) -> dict[str, Any]:
    ids = np.random.default_rng(0).integers(4, 20, (texts, tokens))
    return {"input_ids": ids, "attention_mask": np.ones_like(ids)}


def test_inputs_are_bound_and_the_output_alone_comes_back(tiny: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = graph(tiny("bert")), feed(5, 7)
    wanted = Session(model, device="cpu", threads=1).run(batch, OUTPUT)
    runtime = Runtime(monkeypatch)
    session = Session(model, device="cuda:1", threads=1)
    ((_, options), last), kept = runtime.made[-1][0], runtime.made[-1][1]
    assert (options["device_id"], options["use_tf32"], last) == ("1", "0", "CPUExecutionProvider")
    assert kept == {"enable_fallback": 0}
    transposed = {name: np.asfortranarray(array) for name, array in batch.items()}
    assert np.abs(session.run(transposed, OUTPUT) - wanted).max() < 1e-6  # other fusions than on the CPU


def test_float16_that_overflows_is_an_error(tiny: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Weights.get

    def loud(weights: Weights, name: str, *shape: int) -> Any:
        found = read(weights, name, *shape)
        return found * 3e4 if name == "encoder.layer.1.output.dense.weight" else found

    monkeypatch.setattr(Weights, "get", loud)
    Runtime(monkeypatch)
    vectors = load_encoder(f"{tiny('bert')}:fp32", device="cuda").encode(["the old bird"])
    assert np.isfinite(vectors).all()
    with (
        pytest.raises(DeviceError, match=r"no numbers came back from cuda: .* take NAME:fp32"),
        np.errstate(all="ignore"),
    ):
        load_encoder(str(tiny("bert")), device="cuda").encode(["the old bird"])


def test_full_memory_halves_batches(
    tiny: Made, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model, batch = graph(tiny("bert")), feed(16, 8)
    wanted = Session(model, device="cpu", threads=1).run(batch, OUTPUT)
    runtime = Runtime(monkeypatch, room=40)
    session = Session(model, device="cuda", threads=1)
    with caplog.at_level(logging.WARNING, "xret"):
        assert np.allclose(session.run(batch, OUTPUT), wanted, atol=1e-6)
    assert runtime.runs == [(16, 8), (8, 8), (4, 8), (4, 8), (4, 8), (4, 8)]
    assert [record.message for record in caplog.records] == [
        "out of GPU memory at 16 x 8 tokens; going on with smaller batches",
        "out of GPU memory at 8 x 8 tokens; going on with smaller batches",
    ]
    runtime.runs.clear()
    session.run(batch, OUTPUT)
    assert runtime.runs == [(4, 8)] * 4  # it has learned
    with pytest.raises(DeviceError, match="out of GPU memory: cuda has no room for one text of 41 tokens"):
        session.run(feed(1, 41), OUTPUT)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"error": RuntimeError("CUDA failure 2: out of memory\n more")},
            "out of GPU memory: cuda has no room for the",
        ),
        ({"error": RuntimeError("CUDA failure 35: driver too old\n more")}, "says CUDA failure 35: driver too old$"),
        ({"provider": "CPUExecutionProvider"}, "fell back to the CPU"),
        (
            {"on_cpu": [SimpleNamespace(op_type=op) for op in ("Gather", "MatMulInteger")]},
            "kernel for MatMulInteger in",
        ),
    ],
)
def test_what_does_not_run_on_the_gpu_is_an_error(
    tiny: Made, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], message: str
) -> None:
    model = graph(tiny("bert"))
    Runtime(monkeypatch, **changed)
    with pytest.raises(DeviceError, match=message):
        Session(model, device="cuda", threads=1)


def test_arithmetic_on_shapes_may_stay_on_the_cpu(tiny: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    model = graph(tiny("bert"))
    Runtime(monkeypatch, on_cpu=[SimpleNamespace(op_type=op) for op in ("Shape", "Gather", "Range")])
    assert Session(model, device="cuda", threads=1).device == "cuda"


def test_precision_on_cuda(tiny: Made, static: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny("bert")
    Runtime(monkeypatch, error=RuntimeError("as far as this"))
    built = []

    def build(*_: Any, precision: str, **__: Any) -> Any:
        built.append(precision)
        return SimpleNamespace(save=lambda folder: (folder / "model.onnx").write_bytes(b""), serialized=lambda: b"")

    monkeypatch.setattr("xret.encoders.runtime.sessions.build_graph", build)
    for name, wanted in ((str(folder), "fp16"), (f"{folder}:fp32", "fp32")):
        with pytest.raises(DeviceError, match="as far as this"):
            load_encoder(name, device="cuda")
        assert built[-1] == wanted
    for precision in ("int8", "bf16"):
        with pytest.raises(DeviceError, match=f"{precision} is for CPUs; on cuda take .*:fp16"):
            load_encoder(f"{folder}:{precision}", device="cuda")
    assert token_budget(device="cuda:3") > token_budget(device="cpu")


def test_gpus_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def count(pointer: Any) -> int:
        pointer._obj.value = 2
        return 0

    monkeypatch.setattr("ctypes.CDLL", lambda _: SimpleNamespace(cuInit=lambda _: 0, cuDeviceGetCount=count))
    assert gpu_count() == 2

    def nothing(_: str) -> None:
        raise OSError("no driver")

    monkeypatch.setattr("ctypes.CDLL", nothing)
    assert gpu_count() == 0
