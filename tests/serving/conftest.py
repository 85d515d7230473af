"""Servers as real processes on free loopback ports, and the indexes that they serve."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from xret.corpus import open_corpus
from xret.encoders import Encoder, encode_corpus, load_encoder
from xret.indexes.kinds import verbs
from xret.sample import sample_path

if TYPE_CHECKING:
    import httpx

REPOSITORY = Path(__file__).parents[2]


@cache
def sample() -> pa.Table:
    return open_corpus(str(sample_path("docs.jsonl"))).select(["id", "text", "lang"])


@cache
def mini() -> Encoder:
    return load_encoder("xret-mini", device="cpu", threads=1)


def make_index(folder: Path, corpus: pa.Table, kind: str = "dense", **options: Any) -> Path:
    """An index of a corpus by the bundled encoder."""
    own: dict[str, Any] = {"encoder": mini(), "threads": 1, **options} if kind != "lexical" else options
    if kind == "dense":
        vectors = folder.with_suffix(".vectors")
        own = {"vectors": encode_corpus(corpus, vectors, encoder=mini(), role="document"), **options}
    verbs(kind).build(folder, corpus, **own)
    return folder


def renamed(corpus: pa.Table, prefix: str) -> pa.Table:
    """The same corpus with other ids."""
    return corpus.set_column(0, "id", pa.array([f"{prefix}{one}" for one in corpus["id"].to_pylist()]))


@dataclass
class Served:
    """A server that runs."""

    process: subprocess.Popen[str]
    url: str
    log: Path
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        import httpx

        self.client = httpx.Client(base_url=self.url, timeout=30.0)

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.client.post(path, json=body)

    def search(self, query: str, **options: Any) -> dict[str, Any]:
        answer = self.post("/search", query=query, **options)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        lines = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", self.client.get("/metrics").text, re.MULTILINE)
        return sum(map(float, lines))

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)

    @property
    def said(self) -> str:
        return self.log.read_text()


Serve = Callable[..., Served]


@pytest.fixture(scope="session")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Starts `xret serve` with these arguments on a free port; whatever still runs at the end is killed."""
    running: list[Served] = []

    def start(*arguments: str | Path, environment: dict[str, str] | None = None) -> Served:
        log = tmp_path_factory.mktemp("served") / "log"
        command = [sys.executable, "-m", "xret", "serve", *map(str, arguments), "--port", "0", "--threads", "1"]
        with open(log, "w") as stream:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=stream, text=True, cwd=REPOSITORY,
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY), **(environment or {})},
            )  # fmt: skip
        assert process.stdout is not None
        line = process.stdout.readline()  # empty where it ended
        url = re.search(r"http://\S+", line)
        assert url is not None, log.read_text()
        running.append(Served(process, url.group(), log))
        return running[-1]

    yield start
    for one in running:
        one.client.close()
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()
        assert one.process.stdout is not None
        one.process.stdout.close()


@pytest.fixture(scope="session")
def indexes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One of each kind, of the sample."""
    folder = tmp_path_factory.mktemp("indexes")
    return {kind: make_index(folder / f"{kind}.index", sample(), kind) for kind in ("dense", "lexical", "multivector")}


@pytest.fixture(scope="session")
def server(launch: Serve, indexes: dict[str, Path]) -> Served:
    """A server of all three, for tests that change nothing."""
    return launch(*indexes.values(), "--encoder", "xret-mini", "--batch-wait", "20", "-v")


@pytest.fixture(scope="session")
def queries() -> list[str]:
    """Those of the sample."""
    found: list[str] = open_corpus(str(sample_path("queries.tsv")))["text"].to_pylist()
    return found


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something that happens in another process."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.02)


def close(one: Any, other: Any) -> bool:
    return bool(np.allclose(one, other, atol=2e-6))
