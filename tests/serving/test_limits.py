"""Requests that are refused: every one with a status, one line of JSON, and nothing of the server's inside."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.serving.conftest import REPOSITORY, Serve, Served, until

for _module in ("fastapi", "uvicorn", "prometheus_client", "httpx"):
    pytest.importorskip(_module, reason=f"{_module} is not installed (extra serve)")

import httpx  # noqa: E402

from xret.serving.schema import Failure  # noqa: E402

KEY = "correct-horse-battery-staple"


@pytest.fixture(scope="module")
def small(launch: Serve, indexes: dict[str, Path]) -> Served:
    """A server that takes on little."""
    return launch(
        indexes["dense"], "--max-body", "5000", "--max-text", "300", "--max-k", "20", "--max-texts", "4", "--max-depth",
        "50", "--max-concurrency", "2", "--timeout", "1.5", "-v",
    )  # fmt: skip


@pytest.fixture(scope="module")
def locked(launch: Serve, indexes: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    file = tmp_path_factory.mktemp("key") / "key"
    file.write_text(f"{KEY}\n")
    server = launch(indexes["dense"], "--api-key-file", file)
    yield server


def refused(answer: httpx.Response, status: int, error: str) -> Failure:
    assert answer.status_code == status, answer.text
    assert answer.headers["x-request-id"] and answer.headers["x-content-type-options"] == "nosniff"
    failure = Failure.model_validate(answer.json())
    assert failure.error == error and failure.request_id == answer.headers["x-request-id"]
    for secret in ("/", "Traceback", "xret.", "File", "python", "numpy", "manifest"):
        assert secret not in failure.what.replace("see /systems", "").replace("see /openapi.json", "").replace(
            "application/json", ""
        )
    return failure


@pytest.mark.parametrize(
    ("body", "status", "error", "limit"),
    [
        ({"query": "rain", "k": 21}, 422, "too_many_hits", 20),
        ({"query": "rain", "facets": 51}, 422, "too_deep", 50),
        ({"query": "rain", "depth": 51, "rerank": "light"}, 422, "too_deep", 50),
        ({"query": "r" * 301}, 413, "too_long", 300),
        ({"query": "r" * 6000}, 413, "too_large", 5000),
        ({"query": ""}, 422, "invalid", None),
        ({"query": " \n"}, 422, "empty", None),
        ({"query": "rain", "k": 0}, 422, "invalid", None),
        ({"query": "rain", "k": "many"}, 422, "invalid", None),
        ({"query": "rain", "k": 1e300}, 422, "invalid", None),
        ({"query": "rain", "top_k": 3}, 422, "invalid", None),
        ({"query": "rain", "system": "other"}, 404, "unknown_system", None),
        ({"query": "rain", "system": "../../etc/passwd"}, 422, "invalid", None),
        ({"query": "rain", "languages": ["xx"]}, 422, "unknown_language", None),
        ({"query": "rain", "fuse": ["dense", "dense"]}, 422, "invalid", None),
        ({"query": None}, 422, "invalid", None),
        ([], 422, "invalid", None),
    ],
)
def test_what_passes_a_limit_or_is_not_valid(
    small: Served, body: Any, status: int, error: str, limit: float | None
) -> None:
    failure = refused(small.client.post("/search", json=body), status, error)
    assert failure.limit == limit


def test_too_many_texts(small: Served) -> None:
    refused(small.post("/search/batch", queries=[{"id": str(at), "query": "a"} for at in range(5)]), 413, "too_many")
    refused(small.post("/encode", texts=["a"] * 5), 413, "too_many")
    refused(small.post("/encode", texts=["a"], lang=["de", "en"]), 422, "invalid")
    refused(small.post("/score", pairs=[["a", "b"]] * 5), 413, "too_many")
    refused(small.post("/score", pairs=[["a"]]), 422, "invalid")
    assert small.post("/score", pairs=[["a", "b"]] * 4).status_code == 200


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"query": "a"', b"\xff\xfe", b'"query"', b"null", b'{"query": "\\ud800"}', b"[" * 4000, b"1e999"],
)
def test_malformed_bodies(small: Served, content: bytes) -> None:
    answer = small.client.post("/search", content=content, headers={"Content-Type": "application/json"})
    refused(answer, 422, "invalid")


def test_other_methods_paths_hosts_and_types(small: Served) -> None:
    refused(small.client.get("/nothing"), 404, "not_found")
    refused(small.client.get("/docs"), 404, "not_found")
    refused(small.client.delete("/search"), 405, "wrong_method")
    refused(small.client.post("/search", content=b'{"query": "a"}'), 415, "not_json")  # no form of another site's
    text = {"Content-Type": "text/plain"}
    refused(small.client.post("/admin/swap", content=b"{}", headers=text), 415, "not_json")
    refused(small.client.get("/systems", headers={"Host": "rebound.example"}), 421, "wrong_host")
    refused(small.client.get("/search", params={"query": "a", "languages": "d"}), 422, "invalid")
    crossing = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    answer = small.client.options("/search", headers=crossing)
    assert "access-control-allow-origin" not in answer.headers
    mine = small.client.get("/systems", headers={"X-Request-Id": "mine-1"})
    assert mine.headers["x-request-id"] == "mine-1"
    until(lambda: "mine-1 GET /systems 200" in small.said)
    forged = small.client.get("/systems", headers={"X-Request-Id": "a b<c>"})
    assert forged.headers["x-request-id"] != "a b<c>"


def test_every_refusal_is_counted_by_why(small: Served) -> None:
    names = ("unknown_system", "invalid", "not_found", "not_json")
    before = {name: small.metric(f'xret_refused_total{{error="{name}"}}') for name in names}
    refused(small.post("/search", query="a", system="none"), 404, "unknown_system")
    refused(small.post("/search", query="a", fuse=["dense", "dense"]), 422, "invalid")  # by the endpoint
    refused(small.post("/search", query=""), 422, "invalid")  # by the schema
    refused(small.client.post("/search/", json={"query": "a"}), 404, "not_found")  # not sent elsewhere, by Host
    refused(small.client.post("/search", content=b"{}"), 415, "not_json")  # at the gate
    counted = {name: small.metric(f'xret_refused_total{{error="{name}"}}') - before[name] for name in names}
    assert counted == {"unknown_system": 1, "invalid": 2, "not_found": 1, "not_json": 1}


def test_bodies_that_do_not_end_or_do_not_come(small: Served) -> None:
    host, port = small.url.removeprefix("http://").split(":")
    head = b"POST /search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    chunk = b"3e8\r\n" + b" " * 1000 + b"\r\n"
    cases = (
        (b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 8, b"413"),
        (b"Transfer-Encoding: chunked\r\n\r\n" + chunk, b"408"),
        (b"Content-Length: 50\r\n\r\n{", b"408"),
    )
    for some in (cases[:1], cases[1:]):  # two are all that are taken on at a time
        with ExitStack() as held:
            asked = [held.enter_context(socket.create_connection((host, int(port)), timeout=10)) for _ in some]
            for connection, (body, _) in zip(asked, some, strict=True):
                connection.sendall(head + body)
            assert [one.recv(65536).split()[1] for one in asked] == [status for _, status in some]
    assert small.metric("xret_active_requests") == 1  # this one


def test_more_requests_than_are_taken_on(small: Served) -> None:
    def ask(at: int) -> httpx.Response:
        return httpx.post(f"{small.url}/search", json={"query": f"rain {at}", "explain": True}, timeout=30)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(48)))
    statuses = {answer.status_code for answer in answers}
    assert 200 in statuses and 429 in statuses and statuses <= {200, 429, 504}
    for answer in answers:
        if answer.status_code == 429:
            assert refused(answer, 429, "busy").limit == 2 and answer.headers["retry-after"] == "1"
    until(lambda: small.metric("xret_active_requests") == 1)
    assert small.search("rain")["hits"]


def test_the_key(locked: Served) -> None:
    for path in ("/systems", "/metrics", "/openapi.json", "/search?query=a", "/nothing"):
        answer = locked.client.get(path)
        refused(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    wrong: list[dict[str, Any]] = [
        {"Authorization": f"Bearer {KEY}x"}, {"Authorization": f"Basic {KEY}"}, {"X-API-Key": KEY[:-1]},
        {"Authorization": "Bearer"}, {"X-API-Key": b"\xff"},
    ]  # fmt: skip
    for headers in wrong:
        refused(locked.client.get("/systems", headers=headers), 401, "unauthorized")
    for right in ({"Authorization": f"Bearer {KEY}"}, {"authorization": f"bearer {KEY}"}, {"X-API-Key": KEY}):
        assert locked.client.get("/systems", headers=right).status_code == 200
    for path in ("/", "/health", "/health/live", "/health/ready"):
        assert locked.client.get(path).status_code == 200
    document = locked.client.get("/openapi.json", headers={"X-API-Key": KEY}).json()
    assert document["components"]["securitySchemes"]
    assert KEY not in locked.said


def run(*arguments: str | Path, key: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), **({"XRET_API_KEY": key} if key is not None else {})}
    command = [sys.executable, "-m", "xret", "serve", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)


def test_starts_that_are_refused(indexes: dict[str, Path], tmp_path: Path) -> None:
    dense = indexes["dense"]
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    (tmp_path / "short").write_text("1234\n")
    cases: list[tuple[list[str | Path], str | None, int, str]] = [
        ([dense, "--host", "0.0.0.0", "--port", "0"], None, 2, "there is no key"),
        ([dense, "--host", "::", "--port", "0"], None, 2, "there is no key"),
        ([dense, "--api-key-file", tmp_path / "none"], None, 1, "cannot be read"),
        ([dense, "--api-key-file", tmp_path / "short"], None, 1, "at least 16"),
        ([dense], "a key with spaces", 1, "without spaces"),
        ([dense, "--port", str(taken.getsockname()[1])], None, 1, "cannot be listened at"),
        ([tmp_path / "no.index", "--port", "0"], None, 1, "no such folder"),
        ([f"a={dense}", f"a={dense}", "--port", "0"], None, 2, "two indexes are called"),
        ([f"a/b={dense}", "--port", "0"], None, 1, "no such folder"),
        ([dense, "--max-k", "0", "--port", "0"], None, 2, "the limit 'k' is 0"),
        ([dense, "--encoder", "no-such-model", "--port", "0"], None, 1, "no-such-model"),
    ]
    with taken, ThreadPoolExecutor(2) as pool:
        for (_, _, code, text), found in zip(cases, pool.map(lambda one: run(*one[0], key=one[1]), cases), strict=True):
            assert (found.returncode, found.stderr.count("\n")) == (code, 1), found.stderr
            assert text in found.stderr and not found.stdout


def test_a_request_that_takes_too_long(launch: Serve, indexes: dict[str, Path]) -> None:
    slow = launch(indexes["multivector"], "--timeout", "0.05", "--workers", "1")
    queries = [{"id": str(at), "query": f"{at} " + "rain " * 200} for at in range(64)]
    begun = time.monotonic()
    refused(slow.post("/search/batch", queries=queries, rerank="maxsim", depth=150), 504, "timeout")
    assert time.monotonic() - begun < 10  # not after it was done
    until(lambda: slow.client.post("/search", json={"query": "rain", "k": 1}).status_code == 200, 60)
    assert slow.stop() == 0
