"""Load rate and search time of each kind of store, over the same random vectors.

    python -m tests.bench.stores [--rows 100000] [--dim 384] [--index Flat] [--milvus http://127.0.0.1:19530]

Without ``--milvus``, a Milvus Lite server is started on the loopback and ended again.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from tests.stores.conftest import LiteServer
from xret.stores import load, open_store
from xret.vectors import Vectors, write_vectors

LANGS = ("de", "en", "fr", "zh")


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--index", default="Flat")
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--milvus")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, _server(given.milvus, Path(folder)) as address:
        vectors, corpus = _made(Path(folder, "vectors"), given.rows, given.dim)
        queries = np.random.default_rng(1).standard_normal((given.queries, given.dim)).astype(np.float32)
        print(f"{given.rows:,} x {given.dim}, {given.index}, {given.queries} queries, k = 10\n")
        print("| store | load | rows/s | queries in one call | one by one: median, p95 | filter by language |")
        print("|---|---|---|---|---|---|")
        found = []
        for name, place in (("folder", f"{folder}/index"), ("milvus", f"{address}/bench{int(time.time())}")):
            since = time.perf_counter()
            load(place, vectors, corpus=corpus, index=given.index)
            took = time.perf_counter() - since
            found.append(_row(name, place, queries, took, given.rows))
        agree = np.mean([a == b for a, b in zip(*found, strict=True)])
        print(f"\nqueries with the same ten ids: {agree:.0%}")


def _row(name: str, place: str, queries: np.ndarray, took: float, rows: int) -> list[list[str]]:
    store = open_store(place)
    store.search(queries[:1], k=10)
    since = time.perf_counter()
    run = store.search(queries, k=10)
    whole = time.perf_counter() - since
    single = [_timed(lambda at=at: store.search(queries[at : at + 1], k=10)) for at in range(len(queries))]
    filtered = _timed(lambda: store.search(queries, k=10, languages=["de"]))
    median, late = np.quantile(single, [0.5, 0.95]) * 1e3
    print(
        f"| {name} | {took:.1f} s | {rows / took:,.0f} | {whole * 1e3:.0f} ms | {median:.1f}, {late:.1f} ms | "
        f"{filtered * 1e3:.0f} ms |",
        flush=True,
    )
    store.close()
    ids = run["docid"].to_pylist()
    return [ids[start : start + 10] for start in range(0, len(ids), 10)]


def _timed(call: object) -> float:
    since = time.perf_counter()
    call()  # type: ignore[operator]
    return time.perf_counter() - since


def _made(folder: Path, rows: int, dim: int) -> tuple[Vectors, pa.Table]:
    rng = np.random.default_rng(0)

    def blocks() -> Iterator[tuple[list[str], np.ndarray]]:
        for start in range(0, rows, 16_384):
            count = min(16_384, rows - start)
            block = rng.standard_normal((count, dim)).astype(np.float32)
            yield (
                [f"d{number}" for number in range(start, start + count)],
                block / np.linalg.norm(block, axis=1, keepdims=True),
            )

    vectors = write_vectors(folder, blocks(), dim=dim, dtype="float32", fields={"encoder": "random"})
    texts = [f"A sentence of some length, number {number}, as a corpus may have it." for number in range(rows)]
    langs = [LANGS[number % len(LANGS)] for number in range(rows)]
    return vectors, pa.table({"id": vectors.ids(), "lang": langs, "text": texts})


@contextmanager
def _server(given: str | None, folder: Path) -> Iterator[str]:
    if given:
        yield given.replace("http", "milvus", 1)
        return
    server = LiteServer(folder / "milvus")
    try:
        yield f"milvus://127.0.0.1:{server.port}"
    finally:
        server.kill()


if __name__ == "__main__":
    main()
