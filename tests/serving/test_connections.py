"""Connections that hold on without getting on: each is ended, none takes the server's room from the others."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.serving.conftest import Serve, Served, until

for _module in ("fastapi", "uvicorn", "prometheus_client", "httpx"):
    pytest.importorskip(_module, reason=f"{_module} is not installed (extra serve)")

CONNECTIONS = 40
GET = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
MIB = 1 << 20


@pytest.fixture(scope="module")
def served(launch: Serve, indexes: dict[str, Path]) -> Served:
    return launch(indexes["dense"], "--idle", "1", "--max-connections", str(CONNECTIONS), "--max-body", "20000", "-v")


def connected(served: Served) -> socket.socket:
    host, port = served.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def open_files(served: Served) -> int:
    return len(os.listdir(f"/proc/{served.process.pid}/fd"))


def resident(served: Served) -> int:
    """MiB."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{served.process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) >> 10


def poured(connection: socket.socket, begin: bytes, more: bytes, most: int = 64 * MIB) -> int:
    """Send without end; how many bytes went out before the server would have no more."""
    sent = 0
    try:
        connection.sendall(begin)
        while sent < most:
            connection.sendall(more)
            sent += len(more)
    except OSError:
        pass
    return sent


def is_over(connection: socket.socket) -> bool:
    """Read to the end; whether the server ended it."""
    try:
        while connection.recv(1 << 16):
            pass
    except TimeoutError:
        return False
    except OSError:  # it was reset, which is an end as well
        pass
    return True


def test_who_says_nothing_or_says_it_slowly(served: Served) -> None:
    with connected(served) as silent, connected(served) as slow, connected(served) as blank, connected(served) as kept:
        kept.sendall(GET + b"\r\n")
        slow.sendall(GET)
        assert kept.recv(1 << 16).startswith(b"HTTP/1.1 200")

        def drips(connection: socket.socket, drop: bytes) -> Callable[[], bool]:
            def refused() -> bool:
                try:
                    connection.sendall(drop)
                except OSError:
                    return True
                return False

            return refused

        until(drips(slow, b"X: y\r\n"))
        until(drips(blank, b"\r\n"))
        assert is_over(silent) and is_over(kept)


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (GET + b"X: ", b"y" * 65536),  # one header
        (GET, b"X: y\r\n" * 10000),  # many
        (b"GET /?q=", b"y" * 65536),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 10000),  # behind the body
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"y" * 65536),
        (b"", GET * 1000 + b"\r\n"),
        (b"", (GET + b"\r\n") * 1000),  # thousands of requests, and no answer is read
        (POST + b"Content-Length: 18\r\n\r\n", b'{"query": "rain"}\n' + POST + b"Content-Length: 18\r\n\r\n"),
    ],
)
def test_who_does_not_end(served: Served, begin: bytes, more: bytes) -> None:
    before = resident(served)
    with connected(served) as connection:
        assert poured(connection, begin, more) < 32 * MIB
        assert is_over(connection)
    assert resident(served) < before + 40
    assert served.search("rain")["hits"]


def test_a_head_that_is_too_long_is_told(served: Served) -> None:
    for more in (b"X: " + b"y" * 50_000 + b"\r\n\r\n", b"X: y\r\n" * 200, b"X: " + b"y" * 400_000):
        with connected(served) as connection:
            connection.sendall(GET + more)
            head, _, body = connection.recv(1 << 16).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 431") and json.loads(body)["error"] == "too_large"


def test_who_does_not_read(served: Served) -> None:
    """Half the connections ask for more than their buffers hold and read none of it."""
    before = open_files(served)
    with ExitStack() as held:
        for _ in range(CONNECTIONS // 2):
            connection = held.enter_context(connected(served))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(0.02)
            for _ in range(20):
                try:
                    connection.sendall((GET + b"\r\n") * 10)
                except OSError:
                    break
            assert served.search("rain")["hits"]
        until(lambda: open_files(served) <= before)
        assert served.metric("xret_active_requests") == 1


def test_more_connections_than_are_taken_on(served: Served) -> None:
    with ExitStack() as held:
        opened = [held.enter_context(connected(served)) for _ in range(CONNECTIONS + 5)]
        answers = [one.recv(1 << 16) for one in opened[-3:]]
        assert all(b" 503 " in answer and b'"busy"' in answer for answer in answers)
    until(lambda: open_files(served) < CONNECTIONS)
    assert served.search("rain")["hits"]
    assert served.stop() == 0
    assert "Traceback" not in served.said
