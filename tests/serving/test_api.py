"""Every endpoint of a running server, against the library itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.serving.conftest import Served, close, mini, sample
from xret.indexes.kinds import verbs
from xret.stages.light import light_texts

for _module in ("fastapi", "uvicorn", "prometheus_client", "httpx"):
    pytest.importorskip(_module, reason=f"{_module} is not installed (extra serve)")

import httpx  # noqa: E402

from xret.serving import schema  # noqa: E402


def bare(answer: dict[str, Any]) -> dict[str, Any]:
    """Without the time it took."""
    return {name: value for name, value in answer.items() if name != "took_ms"}


@pytest.mark.parametrize("kind", ["dense", "lexical", "multivector"])
def test_search_gives_what_the_index_gives(
    server: Served, indexes: dict[str, Path], queries: list[str], kind: str
) -> None:
    opened = verbs(kind).open_index(indexes[kind])
    given: dict[str, Any] = {} if kind == "lexical" else {"encoder": mini()}
    for query in queries[:6]:
        for languages in (None, ["de", "fr"]):
            table = pa.table({"id": ["1"], "text": [query], "lang": ["und"]})
            run = verbs(kind).search(opened, table, k=7, languages=languages, text=True, threads=1, **given)
            answer = schema.SearchResponse.model_validate(
                server.search(query, k=7, system=kind, **({"languages": languages} if languages else {}))
            )
            assert [hit.id for hit in answer.hits] == run["docid"].to_pylist()
            assert [hit.text for hit in answer.hits] == run["text"].to_pylist()
            assert [hit.lang for hit in answer.hits] == run["dlang"].to_pylist()
            assert [hit.rank for hit in answer.hits] == list(range(1, run.num_rows + 1))
            assert close([hit.score for hit in answer.hits], run["score"].to_numpy())
            assert sum(answer.languages.values()) == len(answer.hits)


def test_one_query_in_an_address_in_a_body_and_among_others_is_answered_alike(
    server: Served, queries: list[str]
) -> None:
    for system in ("dense", "lexical", "multivector"):
        together = server.post(
            "/search/batch",
            queries=[{"id": f"q{at}", "query": query} for at, query in enumerate(queries)],
            k=5, system=system, explain=True,
        ).json()  # fmt: skip
        schema.BatchResponse.model_validate(together)
        assert [one["id"] for one in together["results"]] == [f"q{at}" for at in range(len(queries))]
        for query, among in list(zip(queries, together["results"], strict=True))[::5]:
            alone = server.search(query, k=5, system=system, explain=True)
            linked = server.client.get("/search", params={"query": query, "k": 5, "system": system, "explain": True})
            assert bare(linked.json()) == bare(alone)
            assert among["hits"] == alone["hits"] and among["languages"] == alone["languages"]


def test_queries_that_come_together_are_answered_to_the_byte_as_alone(server: Served, queries: list[str]) -> None:
    asked = [
        {"query": query, "k": 3 + at % 4, "system": system, **more}
        for at, query in enumerate(queries)
        for system in ("dense", "lexical", "multivector")
        for more in ({}, {"languages": ["en", "ja"]})
    ]
    alone = [bare(server.post("/search", **one).json()) for one in asked]
    before = server.metric("xret_batch_queries_count"), server.metric("xret_batch_queries_sum")

    def ask(one: dict[str, Any]) -> dict[str, Any]:
        return bare(httpx.post(f"{server.url}/search", json=one, timeout=30).json())

    with ThreadPoolExecutor(16) as pool:
        together = list(pool.map(ask, asked))
    assert together == alone
    batches = server.metric("xret_batch_queries_count") - before[0]
    assert server.metric("xret_batch_queries_sum") - before[1] == len(asked)
    assert batches < len(asked) / 2  # they did come together


def test_reranked_scores_are_the_library_s(server: Served, queries: list[str]) -> None:
    answer = server.search(queries[0], k=5, rerank="light", depth=20, explain=True)
    texts = [hit["text"] for hit in answer["hits"]]
    pairs = np.zeros(len(texts), np.int64), np.arange(len(texts))
    assert close([hit["score"] for hit in answer["hits"]], light_texts(mini(), [queries[0]], texts, pairs))
    raw = {hit["id"]: hit["score"] for hit in server.search(queries[0], k=20)["hits"]}
    assert all(hit["parts"]["raw"] == raw[hit["id"]] for hit in answer["hits"])
    scores = [hit["score"] for hit in answer["hits"]]
    assert scores == sorted(scores, reverse=True) == [hit["parts"]["reranked"] for hit in answer["hits"]]


def test_fused_calibrated_and_counted(server: Served, queries: list[str]) -> None:
    fused = server.search(queries[1], k=10, fuse=["dense", "lexical", "multivector"], explain=True, facets=40)
    schema.SearchResponse.model_validate(fused)
    assert fused["system"] == "dense+lexical+multivector" and fused["version"].count("+") == 2
    ranks = {
        name: {hit["id"]: hit["rank"] for hit in server.search(queries[1], k=100, system=name)["hits"]}
        for name in ("dense", "lexical", "multivector")
    }
    for hit in fused["hits"]:
        expected = sum(1 / (60 + own[hit["id"]]) for own in ranks.values() if hit["id"] in own)
        assert close(hit["score"], expected)
        assert hit["parts"]["fused"] == hit["score"]
    assert sum(fused["languages"].values()) >= 40  # whatever the hits' languages
    german = server.search(queries[1], k=5, languages=["de"], facets=40)
    assert set(german["languages"]) > {"de"} and {hit["lang"] for hit in german["hits"]} == {"de"}
    calibrated = server.search(queries[1], k=150, calibrate="zscore", explain=True)
    best = {hit["lang"]: hit["rank"] for hit in reversed(calibrated["hits"])}
    assert max(best.values()) < 75  # every language has somebody in the first half
    assert all(hit["parts"]["calibrated"] == hit["score"] for hit in calibrated["hits"])


@pytest.mark.parametrize("system", ["dense", "lexical", "multivector"])
def test_matches_are_parts_of_the_text(server: Served, queries: list[str], system: str) -> None:
    found = 0
    for query in queries[:5]:
        for hit in server.search(query, k=5, system=system, explain=True)["hits"]:
            end = 0
            for start, stop, weight in hit["matches"]:
                assert end <= start < stop <= len(hit["text"]) and 0 < weight <= 1
                assert hit["text"][start:stop].strip() == hit["text"][start:stop]
                end = stop
            found += len(hit["matches"])
    assert found
    (first,) = server.search("terremoto", k=1, system="lexical", explain=True)["hits"]
    heaviest = max(first["matches"], key=lambda match: match[2])
    assert first["text"][heaviest[0] : heaviest[1]].lower().startswith("terremot")


def test_vectors_and_scores_are_the_encoder_s(server: Served) -> None:
    texts = ["rain and wind", "Regen und Wind", "鉄道の駅"]
    found = schema.EncodeResponse.model_validate(server.post("/encode", texts=texts, role="query").json())
    assert found.hash == mini().hash and found.dim == mini().dim
    assert close(found.vectors, mini().encode(texts, role="query"))
    pairs = [[texts[0], texts[1]], [texts[0], texts[2]]]
    cosine = schema.ScoreResponse.model_validate(server.post("/score", pairs=pairs).json()).scores
    assert close(cosine, [np.dot(*np.array(mini().encode(pair))) for pair in pairs]) and cosine[0] > cosine[1]
    for method in ("maxsim", "light"):
        scores = server.post("/score", pairs=pairs, method=method).json()["scores"]
        assert scores[0] > scores[1]


def test_what_a_server_says_of_itself(server: Served) -> None:
    systems = [schema.System.model_validate(one) for one in server.client.get("/systems").json()]
    assert [one.name for one in systems] == ["dense", "lexical", "multivector"] == [one.kind for one in systems]
    assert all(one.rows == sample().num_rows == sum(one.languages.values()) and one.texts for one in systems)
    assert all(one.rerank == ["light", "maxsim"] and one.matches for one in systems)
    for path in ("/health", "/health/live", "/health/ready"):
        assert schema.Health.model_validate(server.client.get(path).json()).status == "ok"
    metrics = server.client.get("/metrics").text
    assert 'xret_index_rows{system="dense"} 150.0' in metrics and "process_resident_memory_bytes" in metrics
    document = server.client.get("/openapi.json").json()
    assert {"/search", "/search/batch", "/encode", "/score", "/systems", "/health", "/metrics"} <= set(
        document["paths"]
    )
    page = server.client.get("/")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
