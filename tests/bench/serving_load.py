"""What the benches of `xret serve` ask, and whom: a corpus and questions made of the sample, a server, clients."""

from __future__ import annotations

import http.client
import json
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xret.corpus import open_corpus
from xret.sample import sample_path

__all__ = ["Ask", "Http", "K", "build", "measured", "questions", "served"]

K = 10
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
