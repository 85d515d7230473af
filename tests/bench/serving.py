"""How fast `xret serve` answers on this machine, beside a plain FAISS loop and Milvus Lite; and whether it stays so.

    python tests/bench/serving.py                     tables of all parts, some three minutes
    python tests/bench/serving.py --rows 100000 --seconds 10 --soak 120

All on loopback, everything on the cores of one machine: clients, server and store share them. "FAISS loop" encodes and
searches in the clients' own process, without a server, network, JSON or texts. The same encoder, vectors and k.
"""

from __future__ import annotations

import argparse
import http.client
import importlib.util
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.machine import head, machine, show
from xret.corpus import open_corpus
from xret.sample import sample_path

K = 10
CLIENTS = (1, 8, 32)
Ask = Callable[[str], object]


def texts(rows: int) -> tuple[list[str], list[str], list[str]]:
    """Ids, texts and languages: the sample's sentences, cut and joined anew, so that none is there twice."""
    chance = random.Random(7)
    table = open_corpus(str(sample_path("docs.jsonl")))
    by: dict[str, list[str]] = {}
    for text, lang in zip(table["text"].to_pylist(), table["lang"].to_pylist(), strict=True):
        by.setdefault(lang, []).extend(re.split(r"[.,;。、،]\s*", text))
    langs = [chance.choice(sorted(by)) for _ in range(rows)]
    made = [". ".join(chance.sample(by[lang], 3)) + f" {at}" for at, lang in enumerate(langs)]
    return [str(at) for at in range(rows)], made, langs


def questions() -> list[str]:
    """Some thousand queries of a few words."""
    chance = random.Random(3)
    words = [word for text in open_corpus(str(sample_path("queries.tsv")))["text"].to_pylist() for word in text.split()]
    return [" ".join(chance.sample(words, chance.randint(2, 7))) for _ in range(2000)]


def build(folder: Path, rows: int) -> Path:
    import pyarrow as pa

    from xret.encoders import encode_corpus, load_encoder
    from xret.indexes.kinds import verbs

    ids, made, langs = texts(rows)
    corpus = pa.table({"id": ids, "text": made, "lang": langs})
    encoder = load_encoder("xret-mini", device="cpu", threads=1)
    vectors = encode_corpus(corpus, folder / "vectors", encoder=encoder, role="document", progress=False)
    verbs("dense").build(folder / "dense", corpus, vectors=vectors)
    return folder / "dense"


@contextmanager
def served(*arguments: str | Path) -> Iterator[tuple[str, int, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "xret", "serve", *map(str, arguments), "--port", "0", "--threads", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.search(r"http://([\d.]+):(\d+)", process.stdout.readline())
    assert found is not None
    try:
        yield found[1], int(found[2]), process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


class Http:
    """A kept connection."""

    def __init__(self, host: str, port: int, **options: Any) -> None:
        self._connection, self._options = http.client.HTTPConnection(host, port, timeout=60), options
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __call__(self, query: str) -> dict[str, Any]:
        body = json.dumps({"query": query, "k": K, **self._options})
        self._connection.request("POST", "/search", body, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise RuntimeError(data.decode())
        found: dict[str, Any] = json.loads(data)
        return found


def measured(make: Callable[[], Ask], clients: int, seconds: float) -> tuple[float, list[float]]:
    """Queries a second, and the milliseconds of each."""
    asked, spent = questions(), [[] for _ in range(clients)]  # type: ignore[var-annotated]
    barrier, end = threading.Barrier(clients + 1), threading.Event()

    def run(number: int) -> None:
        ask, chance = make(), random.Random(number)
        for _ in range(5):
            ask(chance.choice(asked))
        barrier.wait()
        while not end.is_set():
            begun = time.perf_counter()
            ask(chance.choice(asked))
            spent[number].append(1e3 * (time.perf_counter() - begun))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    barrier.wait()
    begun = time.perf_counter()
    time.sleep(seconds)
    end.set()
    for thread in threads:
        thread.join()
    every = [one for own in spent for one in own]
    return len(every) / (time.perf_counter() - begun), every


def row(name: str, clients: int, make: Callable[[], Ask], seconds: float) -> None:
    rate, spent = measured(make, clients, seconds)
    p50, p95, p99 = np.percentile(spent, [50, 95, 99])
    show(name, clients, f"{rate:,.0f}", f"{p50:.1f}", f"{p95:.1f}", f"{p99:.1f}")


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
        row("xret serve, rerank light of 20", 8, lambda: Http(host, port, rerank="light", depth=20), seconds)
    with served(index, "--batch-size", "1") as (host, port, _):
        for clients in CLIENTS:
            row("xret serve, a batch of 1", clients, lambda: Http(host, port), seconds)
    with milvus_lite(index, work / "milvus") as store:
        for clients in CLIENTS if store else ():
            row("Milvus Lite, encoded by the client", clients, store, seconds)  # type: ignore[arg-type]


def memory(pid: int) -> tuple[int, int]:
    """MiB resident, all of it and without files."""
    found = dict(re.findall(r"(VmRSS|RssAnon):\s+(\d+)", Path(f"/proc/{pid}/status").read_text()))
    return int(found["VmRSS"]) >> 10, int(found["RssAnon"]) >> 10


def soak(index: Path, work: Path, seconds: float) -> None:
    """Mixed load, a swap every two seconds; half of the first state's documents are not in the second."""
    from xret.indexes.kinds import verbs
    from xret.serving.generation import version_of

    corpus = verbs("dense").open_index(index).corpus.select(["id", "text", "lang"])
    shutil.copytree(index, work / "second")
    verbs("dense").delete(work / "second", corpus["id"].to_pylist()[: corpus.num_rows // 2])
    link = work / "link"
    link.symlink_to(index)
    known = {version_of(index): "first", version_of(work / "second"): "second"}
    gone = set(corpus["id"].to_pylist()[: corpus.num_rows // 2])
    kinds: list[dict[str, Any]] = [{}, {}, {}, {"explain": True}, {"languages": ["de"]}, {"facets": 50}, {"k": 100}]
    counts = {"answers": 0, "wrong": 0, "failed": 0, "first": 0, "second": 0}
    lock, end = threading.Lock(), threading.Event()
    head(f"Soak: 8 clients, mixed load, a swap every 2 s, {seconds:.0f} s")
    show("at s", "answers", "first/second state", "wrong", "failed", "swaps", "RSS MiB", "without files")
    show(*["---"] * 8)
    with served(link, "--encoder", "xret-mini") as (host, port, process):

        def run(number: int) -> None:
            chance, asked = random.Random(number), questions()
            clients = [Http(host, port, **more) for more in kinds]
            while not end.is_set():
                try:
                    answer = chance.choice(clients)(chance.choice(asked))
                except Exception:
                    with lock:
                        counts["failed"] += 1
                    return
                state = known.get(answer["version"], "")
                bad = not state or (state == "second" and any(hit["id"] in gone for hit in answer["hits"]))
                with lock:
                    counts["answers"] += 1
                    counts["wrong"] += int(bad)
                    counts[state] = counts.get(state, 0) + 1

        threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        begun, swaps, told = time.monotonic(), 0, 0.0
        while (now := time.monotonic() - begun) < seconds:
            fresh = work / "fresh"
            fresh.symlink_to(work / "second" if swaps % 2 == 0 else index)
            fresh.replace(link)
            process.send_signal(signal.SIGHUP)
            swaps += 1
            time.sleep(2)
            if now >= told:
                told += seconds / 8
                state = f"{counts['first']:,}/{counts['second']:,}"
                show(f"{now:.0f}", f"{counts['answers']:,}", state, counts["wrong"], counts["failed"], swaps,
                     *memory(process.pid))  # fmt: skip
        end.set()
        for thread in threads:
            thread.join()
        state = f"{counts['first']:,}/{counts['second']:,}"
        show("end", f"{counts['answers']:,}", state, counts["wrong"], counts["failed"], swaps, *memory(process.pid))


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
