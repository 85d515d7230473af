"""How fast `xret serve` answers on this machine, beside a plain FAISS loop and Milvus Lite; and whether it stays so.

    python tests/bench/serving.py                     tables of all parts, some three minutes
    python tests/bench/serving.py --rows 100000 --seconds 10 --soak 120

All on loopback, everything on the cores of one machine: clients, server and store share them. "FAISS loop" encodes and
searches in the clients' own process, without a server, network, JSON or texts. The same encoder, vectors and k.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.machine import head, machine, show
from tests.bench.serving_load import Ask, Http, K, build, measured, served
from tests.bench.serving_rivals import faiss_loop, milvus_lite
from tests.bench.serving_soak import soak

CLIENTS = (1, 8, 32)


def row(name: str, clients: int, make: Callable[[], Ask], seconds: float) -> None:
    rate, spent = measured(make, clients, seconds)
    p50, p95, p99 = np.percentile(spent, [50, 95, 99])
    show(name, clients, f"{rate:,.0f}", f"{p50:.1f}", f"{p95:.1f}", f"{p99:.1f}")


def latency(index: Path, work: Path, seconds: float) -> None:
    head("Latency", "what", "clients", "queries/s", "p50 ms", "p95 ms", "p99 ms")
    loop = faiss_loop(index)
    for clients in CLIENTS:
        row("FAISS loop, in process", clients, loop, seconds)
    with served(index) as (host, port, _):
        for name, more in (("xret serve", {}), ("xret serve, without texts", {"text": False})):
            for clients in CLIENTS:
                row(name, clients, lambda more=more: Http(host, port, **more), seconds)  # type: ignore[misc]
        row("xret serve, explain", 8, lambda: Http(host, port, explain=True), seconds)
        row("xret serve, explain, again", 8, lambda: Http(host, port, explain=True), seconds)
        row("xret serve, rerank light of 20", 8, lambda: Http(host, port, rerank="light", depth=20), seconds)
    with served(index, "--remember", "0") as (host, port, _):
        row("the same, nothing remembered: explain", 8, lambda: Http(host, port, explain=True), seconds)
        row("the same, nothing remembered: light", 8, lambda: Http(host, port, rerank="light", depth=20), seconds)
    with served(index, "--batch-size", "1") as (host, port, _):
        for clients in CLIENTS:
            row("xret serve, a batch of 1", clients, lambda: Http(host, port), seconds)
    with milvus_lite(index, work / "milvus") as store:
        for clients in CLIENTS if store else ():
            row("Milvus Lite, encoded by the client", clients, store, seconds)  # type: ignore[arg-type]


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--rows", type=int, default=20_000)
    given.add_argument("--seconds", type=float, default=3.0)
    given.add_argument("--soak", type=float, default=40.0)
    options = given.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    machine()
    with tempfile.TemporaryDirectory(prefix="xret-serving-") as folder:
        work = Path(folder)
        index = build(work, options.rows)
        show("index", f"dense, {options.rows:,} rows of 384, k = {K}")
        latency(index, work, options.seconds)
        if options.soak:
            soak(index, work, options.soak)


if __name__ == "__main__":
    main()
