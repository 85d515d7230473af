"""Batching, odd texts, the graph cache, devices, and what gets imported."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.encoders import load_encoder
from xret.encoders.cache import cached_graphs
from xret.encoders.graphs.graph import Graph
from xret.encoders.reading.tokenizer import Tokens
from xret.encoders.runtime.batching import batches, pad, windows
from xret.encoders.runtime.session import Session
from xret.errors import DeviceError, InputError, UsageError

pytestmark = pytest.mark.usefixtures("quiet")
Made = Callable[..., Path]
ROOT = Path(__file__).resolve().parents[3]


def python(code: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, env=env)


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 100))
@settings(max_examples=60, deadline=None)
def test_batches_hold_every_row_once_within_budget(lengths: list[int], budget: int) -> None:
    array = np.array(lengths, np.int64)
    tokens = Tokens(np.arange(array.sum()), array, 0)
    seen = []
    for rows in batches(tokens, budget):
        ids, mask = pad(tokens, rows).values()
        assert ids.shape == mask.shape
        assert len(rows) == 1 or ids.size <= budget
        for at, row in enumerate(rows):
            start = int(array[:row].sum())
            assert list(ids[at][mask[at] == 1]) == list(range(start, start + lengths[row]))
        seen += list(rows)
    assert sorted(seen) == list(range(len(lengths)))


def test_windows_cover_all_rows_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xret.encoders.runtime.batching._WINDOW_CHARACTERS", 10)
    texts = ["aaaa", "bbbb", "cccc", "d" * 30, "", "", "", "", "e"]
    assert [list(w) for w in windows(texts, 3)] == [[0, 1], [2], [3], [4, 5, 6], [7, 8]]
    assert not list(windows([]))


def test_a_vector_does_not_depend_on_its_batch(tiny: Made) -> None:
    encoder = load_encoder(tiny("xlm-roberta"), device="cpu", threads=1)
    texts = [" ".join(["bird", "stone", "old"][i % 3] for i in range(n % 37)) for n in range(300)]
    together = encoder.encode(texts)
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    assert np.abs(together - alone).max() <= 1e-6
    assert np.abs(np.linalg.norm(together, axis=1) - 1).max() <= 1e-6


def test_odd_texts(tiny: Made, caplog: pytest.LogCaptureFixture) -> None:
    encoder = load_encoder(tiny("bert"), device="cpu", threads=1)
    odd = ["\0", "\u200b", "\U0001f426" * 9, "bird " * 200_000, "b" * 1_000_000, "\ufffe", "[SEP] bird [CLS]"]
    with caplog.at_level(logging.WARNING, "xret"):
        vectors = encoder.encode(odd)
    assert np.isfinite(vectors).all()
    assert [record.message for record in caplog.records if "cut" in record.message] == [
        f"{encoder.name}: 1 of 7 texts are longer than 32 tokens and were cut"
    ]
    assert np.array_equal(vectors[3], encoder.encode(["bird " * 30])[0])


@pytest.mark.parametrize(
    ("texts", "message"),
    [(["ok", "a\ud800b"], r"text 1, character 1: a lone surrogate U\+D800"), (["ok", None], "text 1: is NoneType")],
)
def test_what_is_not_text(static: Made, texts: Any, message: str) -> None:
    encoder = load_encoder(static(), device="cpu")
    with pytest.raises(InputError, match=message):
        encoder.encode(texts)


def test_wrong_arguments(static: Made) -> None:
    encoder = load_encoder(static(), device="cpu")
    with pytest.raises(UsageError, match="wrap it in a list"):
        encoder.encode("bird")
    with pytest.raises(UsageError, match="1 languages for 2 texts"):
        encoder.encode(["a", "b"], lang=["en"])
    for dim in (0, 6):
        with pytest.raises(UsageError, match=r"outside 1\.\.5"):
            encoder.encode(["a"], dim=dim)
    for device in ("tpu", "cuda:", "cuda:x", "cpu:0"):
        with pytest.raises(UsageError, match=f"device '{device}'"):
            load_encoder(encoder.name, device=device)


def test_shorter_vectors_are_of_length_one(static: Made) -> None:
    encoder = load_encoder(static(), device="cpu")
    full, short = encoder.encode(["old bird", ""]), encoder.encode(["old bird", ""], dim=3)
    assert np.allclose(short, full[:, :3] / np.linalg.norm(full[:, :3], axis=1, keepdims=True), atol=1e-6)


def test_cuda_is_never_replaced_in_silence(static: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    folder = static()
    with pytest.raises(DeviceError, match=r"without CUDA.*xret\[gpu-encode\]"):
        load_encoder(folder, device="cuda")
    with monkeypatch.context() as patched:
        patched.setattr("importlib.metadata.distribution", lambda name: name)
        with pytest.raises(DeviceError, match="onnxruntime and onnxruntime-gpu are both installed"):
            load_encoder(folder, device="cuda:1")
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda: None)
    with pytest.raises(DeviceError, match=r"libonnxruntime_providers_cuda\.so.*install the missing library"):
        load_encoder(folder, device="cuda")
    driver = SimpleNamespace(cuInit=lambda flags: 100)  # all libraries are there, but no GPU
    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: driver)
    with pytest.raises(DeviceError, match="cannot be used: the driver finds no GPU"):
        load_encoder(folder, device="cuda")
    assert load_encoder(folder, device="auto").device == "cpu"


def test_graph_is_built_once_and_again_when_damaged(
    static: Made, caplog: pytest.LogCaptureFixture, cache: Path
) -> None:
    folder = static()
    wanted = load_encoder(folder, device="cpu").encode(["old bird"])
    (path,) = cache.rglob("model.onnx")
    stamp = path.stat().st_mtime_ns
    load_encoder(folder, device="cpu")
    assert path.stat().st_mtime_ns == stamp
    (card,) = cached_graphs()
    assert (card["name"], card["dim"], card["family"]) == (str(folder), 5, "xret-static")
    path.write_bytes(path.read_bytes()[:50])
    assert np.array_equal(load_encoder(folder, device="cpu").encode(["old bird"]), wanted)
    assert "damaged" in caplog.text


def test_cache_that_cannot_be_written(static: Made, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    folder = static()
    wanted = load_encoder(folder, device="cpu").encode(["old bird"])
    monkeypatch.setenv("XRET_CACHE", str(tmp_path / "file"))
    assert np.array_equal(load_encoder(folder, device="cpu").encode(["old bird"]), wanted)


def test_weights_beside_the_graph(
    tiny: Made, monkeypatch: pytest.MonkeyPatch, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = load_encoder(tiny("bert"), device="cpu").encode(["old bird", "a"])
    monkeypatch.setenv("XRET_CACHE", str(cache / "other"))
    monkeypatch.setattr("xret.encoders.graphs.graph.Graph.save.__kwdefaults__", {"inline_limit": 0})
    assert np.array_equal(load_encoder(tiny("bert"), device="cpu").encode(["old bird", "a"]), wanted)
    (path,) = (cache / "other").rglob("model.onnx.data")
    rest = path.read_bytes()[:5000]
    path.unlink()  # the runtime may still have it mapped
    path.write_bytes(rest)
    assert np.array_equal(load_encoder(tiny("bert"), device="cpu").encode(["old bird", "a"]), wanted)
    assert "damaged" in caplog.text


def test_tables_of_words_are_mapped_and_take_no_memory(tmp_path: Path) -> None:
    """Every worker process opens the graph: a copy of a large table in each would not fit."""
    graph, rows = Graph(), 250_000
    graph.output(graph.node("Gather", [graph.weight("words", np.ones((rows, 64), np.float32)), graph.input("ids")]),
                 "out", ["batch", "tokens", 64])  # fmt: skip
    graph.save(tmp_path)
    code = (
        "import resource, sys; import numpy as np, onnxruntime; from xret.encoders.runtime.session import Session;"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024; before = peak();"
        "session = Session(sys.argv[1], device='cpu', threads=1)._session;"
        "assert session.run(None, {'ids': np.array([[0, 249_999]])})[0].sum() == 128; print(peak() - before)"
    )
    assert int(python(code, tmp_path / "model.onnx").stdout) < rows * 64 * 4 / 2


def test_two_processes_build_at_once(tiny: Made, cache: Path) -> None:
    code = "import sys; from xret.encoders import load_encoder as load; print(load(sys.argv[1]).encode(['a']).sum())"
    folder = tiny("bert")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True, env=env)
        for _ in "ab"
    ]
    results = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert results[0] == results[1]
    assert len(list((cache / "graphs").iterdir())) == 1


def test_imports(tiny: Made) -> None:
    code = """
import sys
import xret.encoders, xret.cli.encode, xret.cli.models
early = {"numpy", "pyarrow", "onnxruntime", "onnx", "tokenizers", "torch"} & set(sys.modules)
encoder = xret.encoders.load_encoder(sys.argv[1], device="cpu", threads=1)
encoder.encode(["old bird"]), encoder.encode_tokens(["old bird"])
print(sorted(early), sorted({"torch", "transformers", "sentence_transformers", "safetensors"} & set(sys.modules)))
"""
    result = python(code, tiny("roberta"))
    assert result.stdout == "[] []\n", result.stderr


def test_a_session_takes_no_more_threads_than_help(static: Made, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_encoder(static(), device="cpu", threads=1)
    (path,) = cache.rglob("model.onnx")
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert Session(path, device="cpu", threads=1000).threads == 4


def test_odd_texts_in_numbers(static: Made) -> None:
    """Many empty texts, NUL and control characters: vectors of length 1, and that of a text alone."""
    encoder = load_encoder(static(), device="cpu", threads=1)
    empty = encoder.encode([""] * 100_000)
    assert (empty == empty[0]).all() and np.isclose(np.linalg.norm(empty[0]), 1)
    odd = ["".join(map(chr, range(32))), "\x7f\x85\u2028\u2029", "\0" * 1000, "bird\0bird", "\r\n\t "]
    vectors = encoder.encode(odd)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.allclose(vectors, [encoder.encode([text])[0] for text in odd], atol=1e-6)


def test_tokens_that_are_cut_off_are_counted(tiny: Made) -> None:
    encoder = load_encoder(tiny("bert"), device="cpu", threads=1)
    _, losses = encoder.encode_counted(["bird " * 200_000, "bird", ""])
    assert (losses.cut, losses.lost, losses.tokens) == (1, 200_000 - 30, 32 + 3 + 2)
    assert losses.slots == 3 * 32
