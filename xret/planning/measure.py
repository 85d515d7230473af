"""A short measurement of this machine, on one thread: some fifteen core-seconds."""

from __future__ import annotations

import datetime
import logging
import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from xret.errors import InputError, require
from xret.indexes.dense.training import faiss_module, faiss_threads
from xret.machine import hardware
from xret.planning.mining import MineJob, neighbour_steps
from xret.planning.rates import KNOWN, OWN, Rate, Rates
from xret.planning.span import Span

__all__ = ["exact_search", "here", "listed_search", "made_vectors", "measure_rates"]

Floats = npt.NDArray[np.float16] | npt.NDArray[np.float32]
DIM, LISTS, ROWS = 384, 512, 32_768
LEARNT = 4096  # rows that codes are learnt from: how well does not matter here
REACHED = 0.72  # of a core's matrix products, by fused encoders (README, encode.py)
SCANS = {"pq64": "PQ64", "sq8": "SQ8", "rabitq": "RaBitQ", "exact": "SQfp16"}


def measure_rates(*, encoder: str = "xret-mini", folder: Path | None = None) -> Rates:
    """What one core, and the disk under `folder`, do a second; core-seconds count, so other work does little harm.

    Args:
        encoder: whose texts a second are counted, on the bundled sample.
        folder: on the disk to measure; the current one when None.

    Raises:
        InputError: the disk cannot be written; `ModelError` and so on where the encoder cannot be loaded.
        MissingExtraError: FAISS or ONNX Runtime is not installed.
    """
    source, place = here(), folder or Path.cwd()
    x, y = (made_vectors(ROWS, seed).astype(np.float32) for seed in (0, 1))
    found = {
        "core_encode_gflops": (REACHED * _product() / 1e9, f"{REACHED} of float32 products {source}"),
        "core_exact_gflops": (2 * DIM * len(x) * len(y) / exact_search(x, y) / 1e9, source),
        "core_lists_gflops": (_listed(x, y) / 1e9, source),
        "core_encode_texts": (_texts(encoder), f"{encoder}, texts of the bundled sample, {source}"),
        "disk_gbytes": (_disk(place) / 1e9, f"written and synchronised in {place}, {source}"),
    }
    for name, code in SCANS.items():
        found[f"core_scan_{name}"] = (_scanned(x, code) / 1e6, source)
    units = {name: rate.unit for name, rate in KNOWN.items()} | OWN
    return Rates({name: Rate(Span(_round(v), _round(v)), units[name], told) for name, (v, told) in found.items()})


def here() -> str:
    """This machine and today, as the source of a rate."""
    return f"measured here ({hardware()['cpu']}), {datetime.date.today().isoformat()}"


def _round(value: float) -> float:
    return float(f"{value:.3g}")


def _cost(work: Callable[[], Any], least: float = 0.3) -> float:
    """Core-seconds of one call, the mean of as many as take `least` seconds."""
    work()
    calls, start = 0, time.process_time()
    while not calls or time.process_time() - start < least:
        work()
        calls += 1
    return (time.process_time() - start) / calls


def made_vectors(rows: int, seed: int) -> npt.NDArray[np.float16]:
    """(rows, 384) float16 unit vectors in topics, as sentences are, which sides of other seeds share."""
    topics = np.random.default_rng(7).standard_normal((max(200, rows // 2000), DIM), dtype=np.float32)
    rng = np.random.default_rng(seed)
    out = np.empty((rows, DIM), np.float16)
    for start in range(0, rows, ROWS):
        size = min(ROWS, rows - start)
        made = topics[rng.integers(0, len(topics), size)] + rng.standard_normal((size, DIM), dtype=np.float32)
        out[start : start + size] = made / np.linalg.norm(made, axis=1, keepdims=True)
    return out


def _product() -> float:
    """Operations a second of float32 matrix products where encoders do them: ONNX Runtime's are not NumPy's."""
    onnx = require("onnx", extra="cpu", purpose="measuring matrix products")
    runtime = require("onnxruntime", extra="cpu", purpose="measuring matrix products")
    helper, rows, width = onnx.helper, 1664, 4 * DIM  # 32 texts of 52 tokens, a feed-forward layer
    tensors = {"rows": (rows, DIM), "weights": (DIM, width), "sums": (rows, width)}
    named = {
        name: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in tensors.items()
    }
    weights = onnx.numpy_helper.from_array(np.ones((DIM, width), np.float32), "weights")
    node = helper.make_node("MatMul", ["rows", "weights"], ["sums"])
    graph = helper.make_graph([node], "product", [named["rows"]], [named["sums"]], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = {"rows": np.ones((rows, DIM), np.float32)}
    return 2 * rows * DIM * width / _cost(lambda: session.run(None, feed))


def exact_search(x: Floats, y: Floats) -> float:
    """Core-seconds of comparing all of (n, 384) x with all of (m, 384) y, for both directions."""
    from xret.indexes.twoway import two_way_knn

    start = time.process_time()
    two_way_knn(x, y, k=4, threads=1)
    return time.process_time() - start


def listed_search(x: Floats, y: Floats, lists: int) -> tuple[float, int]:
    """Core-seconds of the same through inverted lists, all that belongs to it included, and the lists looked into."""
    from xret.indexes.twoway.approximate import approximate_knn

    logger = logging.getLogger("xret")
    level = logger.level
    logger.setLevel(logging.ERROR)  # its recall on made-up vectors is nobody's concern
    start = time.process_time()
    try:
        found = approximate_knn(x, y, k=4, factory=f"IVF{lists},Flat", threads=1)
    finally:
        logger.setLevel(level)
    spent = time.process_time() - start
    probes = re.search(r"([\d,]+) of", found.factories)
    return spent, int(probes[1].replace(",", "")) if probes else lists


def _listed(x: Floats, y: Floats) -> float:
    """Operations a core-second."""
    spent, probes = listed_search(x, y, LISTS)
    job = MineJob(src=len(x), tgt=len(y), dim=DIM, lists=LISTS, probes=probes)
    return sum(step.flop for step in neighbour_steps(job) if step.core) / spent


def _scanned(x: Floats, code: str) -> float:
    """Codes compared in a core-second."""
    faiss = faiss_module()
    index = faiss.index_factory(DIM, f"IVF8,{code}", faiss.METRIC_INNER_PRODUCT)
    if hasattr(index, "pq"):
        index.pq.cp.niter, index.pq.cp.min_points_per_centroid = 1, 1
        index.do_polysemous_training = False  # a minute and a half that FAISS's factory asks for
    with faiss_threads(1):
        index.train(x[:LEARNT])
        index.add(x)
        index.nprobe = 8
        queries = x[:16]
        return len(queries) * len(x) / _cost(lambda: index.search(queries, 10))


def _texts(encoder: str) -> float:
    from xret.encoders import load_encoder
    from xret.sample import sample_path

    texts = [line for lang in ("de", "en") for line in sample_path(f"news.{lang}.txt").read_text("utf-8").splitlines()]
    loaded = load_encoder(encoder, device="cpu", threads=1)
    return len(texts) / _cost(lambda: loaded.encode(texts))


def _disk(folder: Path) -> float:
    data = os.urandom(1 << 20)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            start = time.perf_counter()
            for _ in range(128):
                file.write(data)
            file.flush()
            os.fsync(file.fileno())
            return 128 * len(data) / (time.perf_counter() - start)
    except OSError as error:
        raise InputError(f"{folder}: cannot write here ({error.strerror})") from error
