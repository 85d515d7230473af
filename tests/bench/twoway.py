"""Two-way k-NN against two FAISS searches of the same vectors: seconds, core-seconds, peak memory.

    python tests/bench/twoway.py --n 20000 [--rounds 3]

Half of the sentences have a noisy counterpart on the other side, and all share 500 topics, so that neighbours are as
crowded as in text. Three methods take turns in one process: the bare matrix product in one direction on one thread (no
top-k; the floor), `two_way_knn`, and two `IndexFlatIP` searches. Core-seconds (user + system) are the figure to compare
on a shared machine. Peak memory is the VmHWM of a process that does `two_way_knn` alone, on memory-mapped vectors
(whose pages count).
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

from xret.indexes.twoway import two_way_knn
from xret.indexes.twoway.blas import single_threaded_blas

Array = NDArray[np.float32]


def make(folder: Path, n: int, dim: int) -> None:
    rng = np.random.default_rng(7)
    topics = rng.standard_normal((500, dim), dtype=np.float32)
    signal = rng.standard_normal((n, dim), dtype=np.float32)
    of = rng.integers(0, 500, n)
    for name in ("x", "y"):
        v = 0.7 * topics[of] + signal + 1.8 * rng.standard_normal((n, dim), dtype=np.float32)
        np.save(folder / f"{name}.npy", v / np.linalg.norm(v, axis=1, keepdims=True))
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
    best: dict[str, list[tuple[float, float]]] = {"gemm": [], "two_way_knn": [], "2 x IndexFlatIP": []}
    ids: dict[str, Any] = {}
    for _ in range(rounds):
        for name, call in zip(best, (gemm, ours, flat), strict=True):
            wall, core, ids[name] = timed(call, x, y, k)
            best[name].append((core, wall))
            print(f"{name:16} {core:8.2f} core-s {wall:8.2f} s", file=sys.stderr, flush=True)
    cores = {name: min(runs)[0] for name, runs in best.items()}
    same = [float((a == b).mean()) for a, b in zip(ids["two_way_knn"], ids["2 x IndexFlatIP"], strict=True)]
    return {
        "core_s": {name: round(value, 2) for name, value in cores.items()},
        "wall_s": {name: round(min(w for _, w in runs), 2) for name, runs in best.items()},
        "ratio_to_faiss": round(cores["two_way_knn"] / cores["2 x IndexFlatIP"], 3),
        "ratio_to_gemm": round(cores["two_way_knn"] / cores["gemm"], 3),
        "same_ids_as_faiss": min(same),  # FAISS has float32 near-ties in its own order
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
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
