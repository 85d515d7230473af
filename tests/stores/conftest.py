"""Every kind of store for the contract: index folders, and a Milvus Lite server that a test may kill.

``XRET_MILVUS_URI=http://host:port`` runs the same tests against a server that is there already.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pytest

from xret.stores import Place, Recipe, Store, create_store, parse_place
from xret.stores.rows import as_column
from xret.stores.store import Floats
from xret.vectors import Vectors, write_vectors

DIM = 16
OURS = f"xret{uuid4().hex[:8]}_"  # how the names of all collections of this session begin


class LiteServer:
    """`milvus-lite server` on the loopback and a free port."""

    def __init__(self, data: Path) -> None:
        """Start it."""
        self.data, self.port = data, self.free_port()
        self.process = self._started()

    @property
    def uri(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @staticmethod
    def free_port() -> int:
        """A port that nobody listens on."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    def kill(self) -> None:
        """End it at once, as power loss to the process does."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """Start it again over the same data."""
        self.process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        program = Path(sys.executable).parent / "milvus-lite"
        command = [
            str(program),
            "server",
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--data-dir",
            str(self.data),
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if process.poll() is not None:
                raise RuntimeError(f"milvus-lite ended with {process.returncode}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return process
            except OSError:
                time.sleep(0.1)
        process.kill()
        raise RuntimeError("milvus-lite did not open its port")


def need_milvus() -> None:
    """Skip where the extra is not installed."""
    if importlib.util.find_spec("pymilvus") is None:
        pytest.skip("needs the extra 'milvus'")


@pytest.fixture(scope="session")
def milvus_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server for the whole session; nobody kills this one."""
    need_milvus()
    if given := os.environ.get("XRET_MILVUS_URI"):
        yield given.rstrip("/")
        _tidy(given.rstrip("/"))
        return
    if importlib.util.find_spec("milvus_lite") is None:
        pytest.skip("needs milvus-lite, or XRET_MILVUS_URI")
    server = LiteServer(tmp_path_factory.mktemp("milvus"))
    try:
        yield server.uri
    finally:
        server.kill()


def _tidy(uri: str) -> None:
    """Leave a server that is not ours as it was."""
    client = importlib.import_module("pymilvus").MilvusClient(uri=uri, token=os.environ.get("XRET_MILVUS_TOKEN", ""))
    for name in client.list_collections():
        if name.startswith(OURS):
            for alias in client.list_aliases(collection_name=name)["aliases"]:
                client.drop_alias(alias)
            client.drop_collection(name)
    client.close()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[LiteServer]:
    """A server of the test's own, to kill."""
    need_milvus()
    if os.environ.get("XRET_MILVUS_URI"):
        pytest.skip("kills the server, which is not ours with XRET_MILVUS_URI")
    if importlib.util.find_spec("milvus_lite") is None:
        pytest.skip("needs milvus-lite")
    server = LiteServer(tmp_path / "milvus")
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(params=["folder", "milvus"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A place of each kind under which there is nothing; `beside` gives more."""
    if request.param == "folder":
        return Place(kind="folder", name=str(tmp_path / "news"))
    uri = request.getfixturevalue("milvus_uri")
    return parse_place(f"milvus://{uri.split('://')[1]}/{OURS}{uuid4().hex[:8]}")


@pytest.fixture
def store(base: Place) -> Iterator[Store]:
    """An empty store of each kind, with texts."""
    made = create_store(base, Recipe(dim=DIM, text=True, encoder="tiny", encoder_hash="a" * 64))
    yield made
    made.close()


def unit(rows: int, *, seed: int = 0, dim: int = DIM) -> Floats:
    """(rows, dim) random rows of length 1."""
    found = np.random.default_rng(seed).standard_normal((rows, dim)).astype(np.float32)
    made: Floats = found / np.linalg.norm(found, axis=1, keepdims=True)
    return made


LANGS = ("de", "en", "zh-Hant")


def rows(vectors: Floats, *, prefix: str = "d", start: int = 0) -> pa.Table:
    """Rows of vectors, in three languages."""
    numbers = range(start, start + len(vectors))
    return pa.table(
        {
            "id": [f"{prefix}{number}" for number in numbers],
            "lang": [LANGS[number % 3] for number in numbers],
            "vector": as_column(vectors),
            "text": [f"text {prefix}{number}" for number in numbers],
        }
    )


def vectors_folder(folder: Path, count: int, *, hash: str) -> Vectors:
    """A vectors folder by the encoder ``enc-`` and the first letter of its hash; the one that is there, if it is."""
    if not folder.exists():
        fields = {"encoder": f"enc-{hash[0]}", "encoder_hash": hash}
        ids = [f"d{row}" for row in range(count)]
        write_vectors(folder, [(ids, unit(count))], dim=DIM, dtype="float32", fields=fields)
    return Vectors.open(folder)
