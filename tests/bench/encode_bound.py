"""What bounds encoding on a core: its products per second, the model's operations per token, and padding."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.bench.machine import head, show

__all__ = ["flop_per_token", "gemm_rates", "hardware", "padding", "token_lengths"]

_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16", "amx_int8", "amx_bf16")


def hardware() -> None:
    """The processor, what it can do, and the versions in use."""
    head("Machine")
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = fields.get("flags", "").split()
    show("date", datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"))
    show("---", "---")
    model = f"{fields.get('model name', platform.processor())}, family {fields.get('cpu family', '?')}"
    show("CPU", f"{model} model {fields.get('model', '?')}: {' '.join(flag for flag in _FLAGS if flag in flags)}")
    show("lacks", " ".join(flag for flag in _FLAGS if flag not in flags) or "nothing of these")
    packages = ("onnxruntime", "openvino", "torch", "sentence-transformers", "transformers", "tokenizers")
    show("versions", ", ".join(f"{name} {_version(name)}" for name in packages))


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "-"


def gemm_rates(rows: int = 512, inner: int = 384, outer: int = 1536) -> dict[str, float]:
    """GFLOP per CPU second of one thread: fp32 in ONNX Runtime and in PyTorch, bf16, uint8 x int8."""
    import torch

    torch.set_num_threads(1)
    left, right = torch.randn(rows, inner), torch.randn(inner, outer)
    half = left.bfloat16(), right.bfloat16()
    random = np.random.default_rng(0)
    codes = random.integers(-127, 128, (inner, outer)).astype(np.int8)
    product = _runtime_product("MatMul", right.numpy(), left.numpy())
    integers = _runtime_product("MatMulInteger", codes, random.integers(0, 256, (rows, inner)).astype(np.uint8))
    operations = 2 * rows * inner * outer / 1e9
    return {
        "fp32": operations / _best(product),
        "fp32 in PyTorch": operations / _best(lambda: left @ right),
        "bf16": operations / _best(lambda: half[0] @ half[1]),
        "int8": operations / _best(integers),
    }


def _runtime_product(operator: str, constant: NDArray[Any], value: NDArray[Any]) -> Callable[[], Any]:
    import onnx
    import onnxruntime

    helper, kind = onnx.helper, onnx.helper.np_dtype_to_tensor_dtype
    out = kind(np.dtype(np.int32 if operator == "MatMulInteger" else np.float32))
    graph = helper.make_graph(
        [helper.make_node(operator, ["value", "constant"], ["product"])], "product",
        [helper.make_tensor_value_info("value", kind(value.dtype), value.shape)],
        [helper.make_tensor_value_info("product", out, [len(value), constant.shape[1]])],
        [onnx.numpy_helper.from_array(constant, "constant")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return lambda: session.run(None, {"value": value})


def _best(product: Callable[[], Any]) -> float:
    """CPU seconds of one call, the best of ten runs of 50."""
    times = []
    for _ in range(10):
        begun = time.process_time()
        for _ in range(50):
            product()
        times.append((time.process_time() - begun) / 50)
    return min(times)


def token_lengths(folder: Path, texts: list[str]) -> NDArray[np.int64]:
    """Tokens of each text, cut at 256."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    return np.array([len(read.ids) for read in tokenizer.encode_batch(texts)])


def flop_per_token(folder: Path, lengths: NDArray[np.int64]) -> tuple[float, float]:
    """Floating-point operations in linear layers, and in attention, that an average real token needs."""
    config = json.loads((folder / "config.json").read_text())
    width, inner, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    linear = 2 * layers * (4 * width**2 + 2 * width * inner)
    return float(linear), float(4 * width * layers * np.square(lengths).sum() / lengths.sum())


def padding(lengths: NDArray[np.int64], texts: list[str]) -> dict[str, float]:
    """Slots per real token of several ways to form batches."""
    from xret.encoders.reading.tokenizer import Tokens
    from xret.encoders.runtime.batching import batches, token_budget

    total = lengths.sum()

    def fixed(order: NDArray[np.int64], size: int) -> float:
        parts = [lengths[order[start : start + size]] for start in range(0, len(order), size)]
        return float(sum(len(part) * part.max() for part in parts) / total)

    by_letters = np.argsort([-len(text) for text in texts], kind="stable")
    arrival = np.arange(len(texts))
    tokens = Tokens(np.zeros(total, np.int64), lengths, 0)
    found = {"32 as they come": fixed(arrival, 32), "256 as they come": fixed(arrival, 256),
             "32 sorted by characters": fixed(by_letters, 32)}  # fmt: skip
    for precision in ("fp32", "bf16"):
        budget = token_budget(device="cpu", precision=precision)
        made = sum(len(rows) * lengths[rows].max() for rows in batches(tokens, budget))
        found[f"xret {precision}: sorted by tokens, {budget} slots"] = float(made / total)
    return found
