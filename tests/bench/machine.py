"""What a benchmark says of the machine that it ran on, and the card's own rate to compare with."""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

__all__ = ["gemm_rate", "head", "machine", "seconds", "show"]


def show(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def head(title: str, *columns: str) -> None:
    print(f"\n## {title}\n", flush=True)
    if columns:
        show(*columns)
        show(*["---"] * len(columns))


def machine() -> None:
    head("Machine")
    show("date", datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"))
    show("---", "---")
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        show("GPU, driver, memory", subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    show("CPU", f"{platform.machine()}, {cores} cores; Python {platform.python_version()}")
    for name in ("xret", "onnxruntime", "onnxruntime-gpu", "faiss-cpu", "faiss-gpu", "torch", "numpy"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            show(name, importlib.metadata.version(name))
    import onnxruntime

    show("onnxruntime imported", f"{onnxruntime.__version__} {onnxruntime.get_available_providers()}")


def gemm_rate(device: str, size: int) -> float:
    """FLOP per second of a square matrix product: torch bf16, else ONNX Runtime's fp16 (fp32 on a CPU)."""
    torch = sys.modules.get("torch")
    if torch is not None and device != "cpu" and torch.cuda.is_available():
        a = torch.randn(size, size, device=device, dtype=torch.bfloat16)
        out = a @ a

        def product() -> None:
            torch.matmul(a, a, out=out)
            torch.cuda.synchronize()

        return _rate(product, size)
    return _rate(_runtime_product(device, size), size)


def _runtime_product(device: str, size: int) -> Callable[[], None]:
    import onnx
    import onnxruntime
    from onnx import helper

    from xret.devices import usable_device

    kind = onnx.TensorProto.FLOAT if usable_device(device) == "cpu" else onnx.TensorProto.FLOAT16
    array = np.ones((size, size), np.float32 if kind == onnx.TensorProto.FLOAT else np.float16)
    values = [helper.make_tensor_value_info(name, kind, [size, size]) for name in "ab"]
    graph = helper.make_graph([helper.make_node("MatMul", ["a", "a"], ["b"])], "product", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    providers = ["CPUExecutionProvider"] if device == "cpu" else ["CUDAExecutionProvider", "CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=providers)
    binding = session.io_binding()
    binding.bind_ortvalue_input("a", onnxruntime.OrtValue.ortvalue_from_numpy(array, device, 0))
    binding.bind_output("b", device)
    return lambda: session.run_with_iobinding(binding)


def _rate(product: Callable[[], None], size: int) -> float:
    return 2.0 * size**3 / seconds(product, rounds=8)


def seconds(work: Callable[[], object], *, rounds: int = 3) -> float:
    """The best of some rounds, after one to warm up."""
    work()
    found = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return min(found)
