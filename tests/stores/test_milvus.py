"""What is so with Milvus alone: places, limits, and what Milvus Lite has not, said in one line."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pytest

from tests.stores.conftest import DIM, OURS, rows, unit
from xret.errors import InputError, UsageError
from xret.stores import Place, Recipe, create_store, open_store, parse_place
from xret.stores.place import is_remote


@pytest.fixture
def place(milvus_uri: str) -> Place:
    """Where there is no collection yet."""
    return parse_place(f"milvus://{milvus_uri.split('://')[1]}/{OURS}{uuid4().hex[:8]}")


@pytest.mark.parametrize("index", ["IVF16,PQ4", "DISKANN", "GPU_CAGRA"])
def test_an_index_that_lite_has_not_is_refused_in_one_line(place: Place, index: str) -> None:
    if os.environ.get("XRET_MILVUS_URI"):
        pytest.skip("the server may have it")
    with pytest.raises(InputError) as caught:
        create_store(place, Recipe(dim=DIM, index=index)).upsert(rows(unit(200)))
    assert str(caught.value).startswith(str(place))
    assert "\n" not in str(caught.value)


def test_what_lite_has_not_is_said_in_one_line(place: Place) -> None:
    if os.environ.get("XRET_MILVUS_URI"):
        pytest.skip("the server may have it")
    store = create_store(place, Recipe(dim=DIM))
    with pytest.raises(InputError, match="this server does not have what was asked for") as caught:
        store._call("load_partitions", place.name, ["_default"])  # type: ignore[attr-defined]
    assert "\n" not in str(caught.value)
    store.close()


def test_limits_of_milvus_are_said_before_the_server_is_asked(place: Place) -> None:
    store = create_store(place, Recipe(dim=DIM, text=True))
    with pytest.raises(UsageError, match="k is 20,000, and Milvus gives 16,384"):
        store.search(unit(1), k=20_000)
    with pytest.raises(InputError, match="has 2000 bytes, Milvus keeps 1024"):
        store.upsert(rows(unit(1)).set_column(0, "id", pa.array(["x" * 2000])))
    store.close()


def test_a_file_of_milvus_lite(tmp_path: Path) -> None:
    pytest.importorskip("milvus_lite")
    name = f"milvus:{tmp_path}/news.db/docs"
    with pytest.raises(InputError, match="there is no such store"):
        open_store(name)
    assert not list(tmp_path.iterdir())  # to look for a store makes none
    store = create_store(name, Recipe(dim=DIM, text=True))
    store.upsert(rows(unit(20)))
    assert str(store.place) == name
    again = open_store(Path(name))
    assert again.search(unit(20), k=1)["docid"].to_pylist() == [f"d{row}" for row in range(20)]
    manager = importlib.import_module("milvus_lite.server_manager")
    manager.server_manager_instance.release_server(str(tmp_path / "news.db"))


def test_a_file_that_another_process_holds(tmp_path: Path) -> None:
    pytest.importorskip("milvus_lite")
    name = f"milvus:{tmp_path}/held.db/docs"
    code = f"from xret.stores import *; create_store({name!r}, Recipe(dim=4)); print(1, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(InputError, match="another process may have it"):
            open_store(name)
        holder.kill()


def test_a_collection_of_others_is_not_taken_for_ours(place: Place) -> None:
    client = pytest.importorskip("pymilvus").MilvusClient(uri=place.server)
    client.create_collection(place.name, dimension=4)
    with pytest.raises(InputError, match="is a collection that xret did not make"):
        open_store(place)
    client.drop_collection(place.name)
    client.close()


@pytest.mark.parametrize(
    ("text", "spelt", "server", "name"),
    [
        ("milvus://127.0.0.1:19530/news", None, "http://127.0.0.1:19530", "news"),
        ("milvus:/127.0.0.1:19530/news", "milvus://127.0.0.1:19530/news", "http://127.0.0.1:19530", "news"),
        ("milvus://search.example/news", "milvus://search.example:19530/news", "http://search.example:19530", "news"),
        ("milvus+https://a.b:443/db/news", None, "https://a.b:443", "news"),
        ("milvus:/abs/my.db/docs", None, "/abs/my.db", "docs"),
        ("milvus:work/my.db/docs", None, "work/my.db", "docs"),
        ("work/index", None, "", "work/index"),
    ],
)
def test_places(text: str, spelt: str | None, server: str, name: str) -> None:
    found = parse_place(Path(text) if "//" not in text else text)
    assert (str(found), found.server, found.name) == (spelt or text, server, name)
    assert parse_place(str(found)) == found
    assert is_remote(text) == (found.kind == "milvus")


@pytest.mark.parametrize(
    "text", ["milvus://host:1/", "milvus://host:port/x", "milvus://u:p@h:1/x", "milvus:x", "milvus://h:1/a-b"]
)
def test_places_that_are_none(text: str) -> None:
    with pytest.raises(UsageError):
        parse_place(text)
