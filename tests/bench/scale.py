"""What searching for neighbours costs as collections grow: exact and approximate, measured, and on paper beyond.

    python tests/bench/scale.py --sizes 10000,100000,1000000 --searches exact,auto,IVF,RaBitQ --memory 8G

Vectors are like those of sentences: half of them have a noisy counterpart on the other side, and they lie in topics
within fields. They are float16 files, read through memory maps. Each row is a process of its own: core-seconds (user +
system), its largest private memory (RssAnon, every 20 ms) and with mapped pages (VmHWM), and of approximate searches
the recall of exact neighbours on samples of both sides. ``IVF`` and ``RaBitQ`` take as many lists as ``auto`` would.

The table on paper takes the rates of the largest size measured. Exact searches compare rows * columns; lists compare
rows * probes * columns / lists, and both sides with all centres, where lists = 4 sqrt(rows) and the probes are those
measured. GPU hours are for half of the float16 rate that ``--gpu-tflops`` says, and are no measurement.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.machine import head, machine, show
from xret.indexes.choice import parse_bytes, readable_bytes

STEP = 65_536


def make(folder: Path, n: int, dim: int) -> None:
    """x.npy and y.npy, (n, dim) float16, written in pieces."""
    rng = np.random.default_rng(7)
    fields = rng.standard_normal((100, dim), dtype=np.float32)
    topics = fields[rng.integers(0, 100, max(200, n // 2000))]
    topics += 0.8 * rng.standard_normal(topics.shape, dtype=np.float32)
    files = [np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float16, (n, dim)) for name in "xy"]
    for start in range(0, n, STEP):
        size = min(STEP, n - start)
        meaning = topics[rng.integers(0, len(topics), size)] + rng.standard_normal((size, dim), dtype=np.float32)
        for number, file in enumerate(files):
            if number:  # half of the sentences have no counterpart
                other = topics[rng.integers(0, len(topics), size - size // 2)]
                meaning[size // 2 :] = other + rng.standard_normal(other.shape, dtype=np.float32)
            v = meaning + 0.7 * rng.standard_normal((size, dim), dtype=np.float32)
            file[start : start + size] = v / np.linalg.norm(v, axis=1, keepdims=True)
    for file in files:
        file.flush()


def status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))


def run(folder: Path, search: str, given: argparse.Namespace) -> dict[str, Any]:
    """One search in this process."""
    from xret.indexes.twoway import two_way_knn
    from xret.indexes.twoway.approximate import approximate_knn

    x, y = (np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in "xy")
    most, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            most[0] = max(most[0], status("RssAnon"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    wall, core = time.perf_counter(), time.process_time()
    memory = parse_bytes(given.memory)
    report: dict[str, Any] = {"how": "exact", "recall": 1.0}
    if search == "exact":
        two_way_knn(x, y, k=given.k, threads=given.threads, memory=memory, work=folder / "work")
    else:
        factory = (
            search if search == "auto" or "," in search else f"IVF{lists(len(x))},{search}".replace(",IVF", ",Flat")
        )
        found = approximate_knn(x, y, k=given.k, factory=factory, threads=given.threads, memory=memory)
        report = {"how": found.factories, "recall": found.recall}
    report |= {"wall": time.perf_counter() - wall, "core": time.process_time() - core}
    done.set()
    watcher.join()
    return report | {"private": most[0], "peak": status("VmHWM")}


def lists(rows: int) -> int:
    return int(max(1, min(2 ** round(math.log2(4 * math.sqrt(rows))), rows // 40)))


def compared(n: int, probes: int) -> float:
    """Pairs of vectors, or of a vector and a centre; without probes, all pairs."""
    return n * n * probes / (4 * math.sqrt(n)) + 2 * n * 4 * math.sqrt(n) if probes else float(n) ** 2


def paper(rows: list[dict[str, Any]], given: argparse.Namespace) -> None:
    """From the rates of the largest sizes."""
    head(
        "On paper",
        "sentences a side",
        "search",
        "CPU core-hours",
        "GPU hours",
        "vectors, both sides",
        "lists, both sides",
    )
    for search in dict.fromkeys(row["search"] for row in rows):
        row = [each for each in rows if each["search"] == search][-1]
        probes = re.search(r"([\d,]+) of ([\d,]+) lists", row["how"])
        near = int(probes[1].replace(",", "")) if probes else 0
        pairs = compared(row["n"], near)
        for n in (10**8, 10**9, 10**10):
            work = compared(n, near)
            core = row["core"] * work / pairs / 3600
            gpu = 2 * work * given.dim / (0.5e12 * given.gpu_tflops) / 3600
            show(
                f"{n:.0e}", search, f"{core:,.0f}", f"{gpu:,.1f}", readable_bytes(2 * n * 2 * given.dim),
                readable_bytes(2 * n * given.k * 12),
            )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000")
    parser.add_argument("--searches", default="exact,IVF,RaBitQ")
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--k", type=int, default=4)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--memory", default="8G")
    parser.add_argument("--gpu-tflops", type=float, default=990, help="float16, dense; of an H100 SXM")
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        print(json.dumps(run(Path(given.run[0]), given.run[1], given)))
        return
    machine()
    head("Measured", "sentences a side", "search", "core-s", "s", "recall", "private", "with mapped pages", "how")
    rows = []
    for n in map(int, given.sizes.split(",")):
        with tempfile.TemporaryDirectory() as name:
            make(Path(name), n, given.dim)
            for search in given.searches.split(",") if ",Flat" not in given.searches else [given.searches]:
                command = [sys.executable, *sys.argv, "--run", name, search]
                report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                rows.append(report | {"n": n, "search": search})
                show(
                    f"{n:,}", search, f"{report['core']:.1f}", f"{report['wall']:.1f}", f"{report['recall']:.4f}",
                    readable_bytes(report["private"]), readable_bytes(report["peak"]), report["how"],
                )  # fmt: skip
    paper(rows, given)


if __name__ == "__main__":
    main()
