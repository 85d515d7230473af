"""What `xret serve` is measured beside: FAISS in the clients' own process, and Milvus Lite's server."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.serving_load import Ask, K

__all__ = ["faiss_loop", "milvus_lite"]


def faiss_loop(index: Path) -> Callable[[], Ask]:
    """Encode one, search one."""
    import faiss

    from xret.encoders import load_encoder
    from xret.indexes.kinds import verbs

    faiss.omp_set_num_threads(1)
    opened = verbs("dense").open_index(index)
    encoder, shelf = load_encoder("xret-mini", device="cpu", threads=1), opened.shelves[0].faiss

    def ask(query: str) -> object:
        return shelf.search(encoder.encode([query], role="query"), K)

    return lambda: ask


@contextmanager
def milvus_lite(index: Path, folder: Path) -> Iterator[Callable[[], Ask] | None]:
    """Its server, with the same vectors in a flat index; None where it is not installed."""
    program = shutil.which("milvus-lite", path=str(Path(sys.executable).parent))
    if program is None or importlib.util.find_spec("pymilvus") is None:
        yield None
        return
    library: Any = importlib.import_module("pymilvus")
    from xret.encoders import load_encoder
    from xret.indexes.kinds import verbs

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [program, "server", "--host", "127.0.0.1", "--port", str(port), "--data-dir", str(folder)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        client = library.MilvusClient(f"http://127.0.0.1:{port}")
        opened, encoder = verbs("dense").open_index(index), load_encoder("xret-mini", device="cpu", threads=1)
        schema = client.create_schema(auto_id=False)
        schema.add_field("id", library.DataType.INT64, is_primary=True)
        schema.add_field("vector", library.DataType.FLOAT_VECTOR, dim=encoder.dim)
        params = client.prepare_index_params()
        params.add_index("vector", index_type="FLAT", metric_type="IP")
        client.create_collection("bench", schema=schema, index_params=params)
        shelf = opened.shelves[0].faiss
        for start in range(0, shelf.ntotal, 2000):
            some = shelf.reconstruct_n(start, min(2000, shelf.ntotal - start))
            client.insert("bench", [{"id": start + at, "vector": one} for at, one in enumerate(some)])
        client.flush("bench")
        client.load_collection("bench")

        def ask(query: str) -> object:
            return client.search("bench", encoder.encode([query], role="query").tolist(), limit=K)

        yield lambda: ask
    finally:
        process.kill()
        process.wait()
