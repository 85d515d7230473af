"""The end of a server: asked to stop under load, and killed."""

from __future__ import annotations

import json
import re
import signal
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.serving.conftest import Serve, Served, until

for _module in ("fastapi", "uvicorn", "prometheus_client", "httpx"):
    pytest.importorskip(_module, reason=f"{_module} is not installed (extra serve)")


@dataclass
class Client:
    """One connection that is asked on and on, byte by byte, so that it is known what was answered."""

    url: str
    number: int
    end: threading.Event
    answered: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)  # sent, and not a byte of an answer
    cut: list[str] = field(default_factory=list)  # an answer that broke off, or is none

    def run(self) -> None:
        host, port = self.url.removeprefix("http://").split(":")
        turn = 0
        while not self.end.is_set():
            try:
                connection = socket.create_connection((host, int(port)), timeout=30)
            except OSError:
                return  # nobody listens any more
            with connection:
                open_ = True
                while open_ and not self.end.is_set():
                    turn += 1
                    open_ = self.ask(connection, f"{self.number}-{turn}")

    def ask(self, connection: socket.socket, name: str) -> bool:
        body = json.dumps({"query": f"rain and wind {name}", "k": 20, "rerank": "light", "depth": 20}).encode()
        head = (
            f"POST /search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nX-Request-Id: {name}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        data = b""
        try:
            connection.sendall(head.encode() + body)
            while b"\r\n\r\n" not in data:
                if not (part := connection.recv(65536)):
                    break
                data += part
            top, _, rest = data.partition(b"\r\n\r\n")
            length = int(re.search(rb"content-length: (\d+)", top, re.IGNORECASE)[1]) if top else 0  # type: ignore[index]
            while len(rest) < length and (part := connection.recv(65536)):
                rest += part
        except (OSError, TypeError):
            (self.cut if data else self.lost).append(name)
            return False
        if not top:
            self.lost.append(name)
            return False
        status = int(top.split()[1])
        if len(rest) != length or status not in (200, 503):
            self.cut.append(name)
        elif status == 200 and len(json.loads(rest)["hits"]) == 20:
            self.answered.append(name)
        else:
            self.refused.append(name)
        return b"connection: close" not in top.lower()


def clients_of(server: Served, count: int) -> tuple[list[Client], list[threading.Thread], threading.Event]:
    end = threading.Event()
    clients = [Client(server.url, number, end) for number in range(count)]
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    until(lambda: sum(len(client.answered) for client in clients) > 2 * count)
    return clients, threads, end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_taken_on_is_answered(launch: Serve, indexes: dict[str, Path], number: int) -> None:
    server = launch(indexes["dense"], "-v")
    clients, threads, _ = clients_of(server, 12)
    assert server.stop(number) == 0
    for thread in threads:
        thread.join(30)
    assert not [name for client in clients for name in client.cut]
    taken, answered = map(int, re.findall(r"stopped; (\d+) requests taken on, (\d+) answered", server.said)[0])
    assert taken == answered
    done = set(re.findall(r"serve: (\S+) POST /search 200", server.said))
    assert done == {name for client in clients for name in client.answered}  # every answer arrived
    seen = set(re.findall(r"serve: (\S+) POST /search \d+", server.said))
    assert not seen & {name for client in clients for name in client.lost}  # what was lost had not come in
    assert "Traceback" not in server.said


def whole(connection: socket.socket) -> bytes:
    """The next answer, head and body."""
    data = b""
    while b"\r\n\r\n" not in data or not data.rstrip().endswith(b"}"):
        part = connection.recv(65536)
        assert part, data
        data += part
    return data


def test_a_server_that_stops_says_so(launch: Serve, indexes: dict[str, Path]) -> None:
    server = launch(indexes["multivector"], "--workers", "1")
    server.search("rain")
    slow = threading.Thread(
        target=server.post,
        args=("/search/batch",),
        kwargs={"queries": [{"id": str(at), "query": f"{at}" + " rain" * 99} for at in range(64)], "rerank": "maxsim"},
    )
    kept = socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=10)
    with kept:
        ask = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n"
        kept.sendall(ask % b"health/ready")
        assert b" 200 " in whole(kept)
        slow.start()
        until(lambda: server.metric("xret_active_requests") > 1)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        kept.sendall(ask % b"systems")
        answer = whole(kept)
        assert b" 503 " in answer and b'"stopping"' in answer and b"connection: close" in answer
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=10)
    slow.join()
    assert server.process.wait(30) == 0


def test_killed_and_started_again(launch: Serve, indexes: dict[str, Path], queries: list[str]) -> None:
    before = {path: path.read_bytes() for path in indexes["dense"].iterdir()}
    server = launch(indexes["dense"])
    expected = [server.search(query)["hits"] for query in queries[:5]]
    clients, threads, end = clients_of(server, 6)
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    end.set()
    for thread in threads:
        thread.join(30)
    assert sum(len(client.answered) for client in clients) > 12
    assert {path: path.read_bytes() for path in indexes["dense"].iterdir()} == before
    again = launch(indexes["dense"])
    assert [again.search(query)["hits"] for query in queries[:5]] == expected
    assert again.stop() == 0
