"""A server over a store: an alias that leads elsewhere, and a store's server that is killed and started again."""

from __future__ import annotations

import importlib.util
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.serving.conftest import Serve, mini, renamed, sample, until
from tests.stores.conftest import LiteServer
from xret.encoders import encode_corpus
from xret.stores import load, parse_place, swap
from xret.vectors import Vectors


@pytest.mark.skipif(importlib.util.find_spec("milvus_lite") is None, reason="needs milvus-lite, of the extra 'milvus'")
def test_a_store_is_served_by_its_own_name(tmp_path: Path, launch: Serve, indexes: dict[str, Path]) -> None:
    server = LiteServer(tmp_path / "milvus")
    try:
        live = parse_place(f"milvus://127.0.0.1:{server.port}/live")
        for letter in "ab":
            corpus = renamed(sample(), f"{letter}-")
            vectors = Vectors.open(encode_corpus(corpus, tmp_path / letter, encoder=mini(), role="document"))
            load(live.beside(letter), vectors, corpus=corpus, words=True)
        swap(live, "a")
        served = launch(f"news={live}", indexes["dense"], "--watch", "0.2")
        first = served.search("rain and wind", k=5, system="news")
        assert {hit["id"][:2] for hit in first["hits"]} == {"a-"}
        assert all(hit["text"] for hit in first["hits"])
        system, _ = served.client.get("/systems").json()
        assert (system["kind"], system["rows"], system["encoder"]) == ("store", sample().num_rows, "xret-mini")
        swap(live, "b")
        assert {hit["id"][:2] for hit in served.search("rain and wind", k=5, system="news")["hits"]} == {"b-"}
        until(lambda: bool(served.client.get("/systems").json()[0]["version"] != system["version"]))
        server.kill()
        again = threading.Timer(0.5, server.restart)
        again.start()
        waited = served.search("rain and wind", k=5, system="news")  # the answer comes when the store is back
        again.join()
        assert [hit["id"][1:] for hit in waited["hits"]] == [hit["id"][1:] for hit in first["hits"]]
        server.kill()  # for good: whoever asks the store is told, whoever does not is answered, in one batch or two
        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(served.post, "/search", query=one, system="news") for one in ("rain", "wind", "sun")]
            other = pool.submit(served.search, "rain and wind", system="dense")
            for answer in (one.result() for one in asked):
                assert (answer.status_code, answer.json()["error"]) == (503, "store")
                assert str(server.port) not in answer.text
            assert other.result()["hits"]
        late = [served.post("/search", query="rain", system="news", facets=facets).status_code for facets in (0, 9, 0)]
        assert late == [503] * 3
        server.restart()
        until(lambda: served.post("/search", query="rain", system="news").status_code == 200)
        assert served.stop() == 0
    finally:
        server.kill()
