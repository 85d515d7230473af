"""Two-way k-NN against two FAISS searches of the same vectors: seconds, core-seconds, peak memory.

    python tests/bench/twoway.py --n 20000 [--rounds 3]

Half of the sentences have a noisy counterpart on the other side, and all share 500 topics, so that neighbours are as
crowded as in text. Five methods take turns in one process: the bare matrix product in float32, in one direction, on one
thread (no top-k); the bare product in bytes, likewise; `two_way_knn` in float32 and in the arithmetic chosen for this
processor; and two `IndexFlatIP` searches. Both forms of `two_way_knn` also meet vectors that point mostly one way, as
some encoders' do (`--mean`: their mean cosine). Core-seconds (user + system) are the figure to compare on a shared
machine. Then one more run on one thread tells where the time goes, and how near the products come to what the
processor's byte unit can do at best (`--peak`: operations per cycle of one core, 256 for two 512-bit VNNI units as of
Zen 5 and most Xeons, 128 for one or for two of 256 bits, 2048 for AMX; times the clock that /proc/cpuinfo tells). Peak
memory is the VmHWM of a process that does `two_way_knn` alone, on memory-mapped vectors (whose pages count).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from xret.indexes.twoway import Float32Similarity, sides, topk, two_way_knn
from xret.indexes.twoway.blas import single_threaded_blas
from xret.indexes.twoway.filters import blocks
from xret.indexes.twoway.filters.arithmetic import byte_unit, choose_similarity
from xret.indexes.twoway.filters.int8 import Int8Similarity

Array = NDArray[np.float32]


def make(folder: Path, n: int, dim: int, mean: float = 0.0) -> None:
    rng = np.random.default_rng(7)
    topics = rng.standard_normal((500, dim), dtype=np.float32)
    signal = rng.standard_normal((n, dim), dtype=np.float32)
    of = rng.integers(0, 500, n)
    for name in ("x", "y"):
        v = 0.7 * topics[of] + signal + 1.8 * rng.standard_normal((n, dim), dtype=np.float32)
        v *= np.sqrt(1 - mean) / np.linalg.norm(v, axis=1, keepdims=True)
        np.save(folder / f"{name}.npy", v + np.float32(np.sqrt(mean / dim)))
        signal[n // 2 :] = rng.standard_normal((n - n // 2, dim), dtype=np.float32)
        of[n // 2 :] = rng.integers(0, 500, n - n // 2)


def load(folder: Path) -> tuple[Array, Array]:
    x, y = (np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ("x", "y"))
    return x, y


def gemm(x: Array, y: Array, k: int) -> None:
    buffer = np.empty((1024, 4096), np.float32)
    with single_threaded_blas():
        for i in range(0, len(x), 1024):
            for j in range(0, len(y), 4096):
                a, b = x[i : i + 1024], y[j : j + 4096]
                np.matmul(a, b.T, out=buffer[: len(a), : len(b)])


def bytes_gemm(x: Array, y: Array, k: int) -> None:
    unit, buffer = Int8Similarity(), np.empty((256, 4096), np.float32)
    ones = np.ones(4096)
    columns = [unit.prepare(y[j : j + 4096], ones[: len(y[j : j + 4096])]) for j in range(0, len(y), 4096)]
    for i in range(0, len(x), 256):
        rows = unit.prepare(x[i : i + 256], ones[: len(x[i : i + 256])])
        for column in columns:
            unit.product(rows, column, buffer[: len(rows.codes), : len(column.codes)])


def plain(x: Array, y: Array, k: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    found = two_way_knn(x, y, k=k, similarity=Float32Similarity())
    return found.forward.ids, found.backward.ids


def ours(x: Array, y: Array, k: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    found = two_way_knn(x, y, k=k)
    return found.forward.ids, found.backward.ids


def flat(x: Array, y: Array, k: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    import faiss

    both = []
    for queries, base in ((x, y), (y, x)):
        index = faiss.IndexFlatIP(base.shape[1])
        index.add(np.ascontiguousarray(base))
        both.append(index.search(np.ascontiguousarray(queries), k)[1])
    return both[0], both[1]


def timed(call: Callable[..., Any], *values: Any) -> tuple[float, float, Any]:
    wall, core = time.perf_counter(), time.process_time()
    result = call(*values)
    return time.perf_counter() - wall, time.process_time() - core, result


def compare(folder: Path, k: int, rounds: int) -> dict[str, Any]:
    x, y = load(folder)
    calls = {"gemm": gemm, "two_way_knn, float32": plain, "two_way_knn": ours, "2 x IndexFlatIP": flat}
    if byte_unit():
        calls["gemm of bytes"] = bytes_gemm
    best: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    ids: dict[str, Any] = {}
    for _ in range(rounds):
        for name, call in calls.items():
            wall, core, ids[name] = timed(call, x, y, k)
            best[name].append((core, wall))
            print(f"{name:20} {core:8.2f} core-s {wall:8.2f} s", file=sys.stderr, flush=True)
    cores = {name: min(runs)[0] for name, runs in best.items()}
    same = [float((a == b).mean()) for a, b in zip(ids["two_way_knn"], ids["2 x IndexFlatIP"], strict=True)]
    return {
        "arithmetic": choose_similarity(len(x), len(y), x.shape[1]).name,
        "core_s": {name: round(value, 2) for name, value in cores.items()},
        "wall_s": {name: round(min(w for _, w in runs), 2) for name, runs in best.items()},
        "ratio_to_faiss": round(cores["two_way_knn"] / cores["2 x IndexFlatIP"], 3),
        "ratio_to_gemm": round(cores["two_way_knn"] / cores["gemm"], 3),
        "same_ids_as_float32": all(
            bool((a == b).all()) for a, b in zip(ids["two_way_knn"], ids["two_way_knn, float32"], strict=True)
        ),
        "same_ids_as_faiss": min(same),  # FAISS has float32 near-ties in its own order
    }


def one_way(n: int, dim: int, k: int, mean: float) -> dict[str, Any]:
    """Core-seconds for vectors whose cosines are `mean` on the average."""
    with tempfile.TemporaryDirectory() as name:
        make(Path(name), n, dim, mean)
        x, y = load(Path(name))
        found = {label: timed(call, x, y, k) for label, call in (("float32", plain), ("two_way_knn", ours))}
    return {
        "mean_cosine": mean,
        "core_s": {label: round(core, 2) for label, (_, core, _) in found.items()},
        "same_ids": all(bool((a == b).all()) for a, b in zip(*(each[2] for each in found.values()), strict=True)),
    }


STAGES = {
    "survey": (sides, "survey"),
    "prepare": (blocks.BlockFilter, "prepare"),
    "product": (blocks.BlockFilter, "_scores"),
    "hits": (blocks, "hits"),
    "single": (blocks, "single_cosines"),
    "exact": (blocks, "exact_cosines"),
    "fold": (topk.TopK, "fold"),
}


def shares(folder: Path, k: int, peak: float) -> dict[str, Any]:
    """Seconds of each stage on one thread, and the share of the byte unit's peak in those of the products."""
    x, y = load(folder)
    spent = dict.fromkeys(STAGES, 0.0)

    def watched(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*values: Any, **options: Any) -> Any:
            start = time.perf_counter()
            try:
                return call(*values, **options)
            finally:
                spent[name] += time.perf_counter() - start

        return run

    for name, (owner, attribute) in STAGES.items():
        setattr(owner, attribute, watched(name, getattr(owner, attribute)))
    start = time.perf_counter()
    two_way_knn(x, y, k=k, threads=1)
    whole = time.perf_counter() - start
    spent["hits"] -= spent["single"] / 2  # about half of the cheap sums are taken within
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    clock = max((float(line.split(":")[1]) for line in lines if line.startswith("cpu MHz")), default=float("nan"))
    operations = 2.0 * len(x) * len(y) * x.shape[1]
    return {
        "unit": byte_unit(),
        "seconds": round(whole, 2),
        "shares": {name: round(value / whole, 3) for name, value in spent.items()},
        "product_gop_per_s": round(operations / spent["product"] / 1e9),
        "peak_gop_per_s": round(peak * clock / 1e3),
        "share_of_peak": {
            "product": round(operations / spent["product"] / (peak * clock * 1e6), 3),
            "all": round(operations / whole / (peak * clock * 1e6), 3),
        },
    }


def memory(folder: Path, k: int) -> dict[str, int]:
    def peak() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024

    x, y = load(folder)
    before = peak()
    ours(x, y, k)
    return {"peak_mib": peak(), "before_mib": before, "vectors_mib": (x.nbytes + y.nbytes) >> 20}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--k", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--mean", type=float, default=0.9, help="mean cosine of the vectors that point one way")
    parser.add_argument("--peak", type=float, default=256, help="operations on bytes per cycle of one core")
    parser.add_argument("--memory-of", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.memory_of:
        print(json.dumps(memory(given.memory_of, given.k)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, given.n, given.dim)
        child = [sys.executable, __file__, "--memory-of", name, "--k", str(given.k)]
        report = json.loads(subprocess.run(child, check=True, capture_output=True, text=True).stdout)
        report |= {"n": given.n, "dim": given.dim, "k": given.k} | compare(folder, given.k, given.rounds)
        report["one way"] = one_way(given.n, given.dim, given.k, given.mean)
        report["one thread"] = shares(folder, given.k, given.peak)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
