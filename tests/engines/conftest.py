"""A Ray cluster of two machines, which both are this one, started once; and sentences to work on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from xret.engines import Engine, make_engine, use_engine

RAY = pytest.param(("ray", None), marks=pytest.mark.cluster, id="ray")
LOCAL = [pytest.param(("local", workers), id=f"local-{workers}") for workers in (1, 2)]
ROOT = Path(__file__).resolve().parents[2]
STORE = 80 << 20
WORDS = ("red", "blue", "green", "cat", "dog", "tree", "house", "river", "train", "old", "new", "fast", "slow", "bird")


@contextmanager
def machines(second: int = 1) -> Iterator[tuple[Any, Any]]:
    """A cluster of two raylets with a CPU each (the second one with so many), and its second machine."""
    pytest.importorskip("ray", reason="needs Ray: pip install 'xret[ray]'")
    from ray.cluster_utils import Cluster

    before = dict(os.environ)
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    own = {"object_store_memory": STORE, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **own})
    try:
        os.environ["RAY_ADDRESS"] = cluster.address
        yield cluster, cluster.add_node(num_cpus=second, object_store_memory=STORE)
    finally:
        cluster.shutdown()
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """Two machines that nobody harms."""
    with machines() as (made, _):
        yield made


@pytest.fixture
def there(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the cluster, where `RayEngine` looks for it."""
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    return str(cluster.address)


@pytest.fixture(params=[*LOCAL, RAY])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Every engine, in use."""
    name, workers = request.param
    if name == "ray":
        request.getfixturevalue("there")
    with use_engine(make_engine(name, workers)) as chosen:
        assert chosen is not None
        yield chosen


def corpus(rows: int, *, lang: str = "en", step: int = 1) -> pa.Table:
    """Sentences of which no two are alike, nor is any of another `step`."""
    texts = [
        " ".join([f"{lang}{step}{row}", *(WORDS[(row * (at + step) + at) % len(WORDS)] for at in range(2 + row % 7))])
        for row in range(rows)
    ]
    return pa.table({"id": [f"{lang}{row}" for row in range(rows)], "text": texts, "lang": [lang] * rows})


def tree(folder: Path) -> dict[str, bytes]:
    """Every file's bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
