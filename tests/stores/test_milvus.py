"""What only Milvus has: hybrid searches; and what Milvus Lite has not, said in one line."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pytest

from tests.stores.conftest import DIM, OURS, rows, unit
from xret.errors import InputError, UsageError
from xret.runs import ordered
from xret.stores import Place, Recipe, create_store, open_store, parse_place
from xret.stores.place import is_remote

WORDS = ["rain", "wind", "sun", "snow", "fog", "ice", "storm", "cloud"]


@pytest.fixture
def place(milvus_uri: str) -> Place:
    """Where there is no collection yet."""
    return parse_place(f"milvus://{milvus_uri.split('://')[1]}/{OURS}{uuid4().hex[:8]}")


def texts(count: int) -> list[str]:
    """Texts of three words each."""
    drawn = np.random.default_rng(4).integers(len(WORDS), size=(count, 3))
    return [" ".join(WORDS[word] for word in each) for each in drawn]


def fused(one: pa.Table, other: pa.Table, k: int) -> list[tuple[str, str]]:
    """Reciprocal rank fusion of two runs, by its formula."""
    scores: dict[tuple[str, str], float] = defaultdict(float)
    for run in (one, other):
        for row in run.to_pylist():
            scores[row["qid"], row["docid"]] += 1 / (60 + row["rank"])
    table = pa.table({"qid": [q for q, _ in scores], "docid": [d for _, d in scores], "score": list(scores.values())})
    run = ordered(table.sort_by("qid"))
    return [(row["qid"], row["docid"]) for row in run.to_pylist() if row["rank"] <= k]


def test_vectors_and_token_weights_merged_by_rank(place: Place) -> None:
    """The server's fusion is that of the formula over exact rankings of both sides."""
    store = create_store(place, Recipe(dim=DIM, text=True, sparse=True))
    rng = np.random.default_rng(0)
    tokens = [{int(t): float(w) for t, w in zip(rng.choice(40, 6, replace=False), rng.random(6))} for _ in range(80)]  # noqa: B905
    column = pa.array([list(each.items()) for each in tokens], pa.map_(pa.int64(), pa.float32()))
    vectors, queries = unit(80), unit(4, seed=1)
    store.upsert(rows(vectors).append_column("sparse", column))
    asked = [{int(t): 1.0 + t / 50 for t in rng.choice(40, 5, replace=False)} for _ in range(4)]
    dense = store.search(queries, k=40)
    weighed = [
        {"qid": str(number + 1), "docid": f"d{row}", "score": sum(w * query.get(t, 0.0) for t, w in each.items())}
        for number, query in enumerate(asked)
        for row, each in enumerate(tokens)
    ]
    other = ordered(pa.Table.from_pylist([row for row in weighed if row["score"] > 0]))
    other = other.filter(pa.compute.less_equal(other["rank"], 40))
    run = store.hybrid(queries, asked, k=5, depth=40, text=True)
    assert [(row["qid"], row["docid"]) for row in run.to_pylist()] == fused(dense, other, 5)
    assert run.column_names == ["qid", "docid", "score", "rank", "dlang", "text"]
    only = store.hybrid(queries, asked, k=5, languages=["en"])
    assert set(only["dlang"].to_pylist()) == {"en"}
    alone = store.hybrid(queries, asked, k=5, fusion="weighted", weights=(1.0, 0.0))
    assert alone["docid"].to_pylist() == dense.filter(pa.compute.less_equal(dense["rank"], 5))["docid"].to_pylist()
    store.close()


def test_vectors_and_words(place: Place) -> None:
    store = create_store(place, Recipe(dim=DIM, text=True, words=True))
    made = rows(unit(60))
    said = [*texts(59), "a word that stands once: zephyr"]
    store.upsert(made.set_column(3, "text", pa.array(said)))
    query = unit(1, seed=8)
    far = store.search(-unit(60)[59:], k=60)["docid"].to_pylist()
    assert far[-1] == "d59"
    run = store.hybrid(-unit(60)[59:], ["zephyr"], k=2, text=True, depth=10)
    assert "d59" in run["docid"].to_pylist()
    assert open_store(place).recipe.words
    with pytest.raises(UsageError, match="keeps no sparse vectors"):
        store.hybrid(query, [{1: 1.0}], k=2)
    with pytest.raises(UsageError, match="fusion 'max' is not known"):
        store.hybrid(query, ["rain"], k=2, fusion="max")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="1 query vectors and 2 texts"):
        store.hybrid(query, ["rain", "wind"], k=2)
    store.close()


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
    store.upsert(rows(unit(1)).set_column(3, "text", pa.array(["ß" * 40_000])))
    kept = store.documents(["d0"])["text"].to_pylist()[0]
    assert kept == "ß" * 32_767
    store.close()


def test_a_file_of_milvus_lite(tmp_path: Path) -> None:
    pytest.importorskip("milvus_lite")
    name = f"milvus:{tmp_path}/news.db/docs"
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
