"""A model hub on this machine: the few routes that fetching a model calls, with switches for what can go wrong."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub(ThreadingHTTPServer):
    """Serves folders as models."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.models: dict[str, Path] = {}
        self.gated: set[str] = set()
        self.stops_after: dict[str, int] = {}  # file -> bytes of it that get through
        self.out_of_order: dict[str, int] = {}  # file -> how many more times it is answered with 503
        self.listing: bytes | None = None  # in place of the list of a model's files
        self.asked: list[tuple[str, str, str]] = []  # method, path inside the model, Range header
        self.tokens: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fetched(self) -> list[str]:
        """The files that were asked for, in order, once."""
        return list(dict.fromkeys(path for method, path, _ in self.asked if method == "GET" and path))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are expected."""


class _Handler(BaseHTTPRequestHandler):
    server: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.server.tokens.add(self.headers.get("authorization", ""))
        parts = self.path.partition("?")[0].strip("/").split("/")
        api = parts[:2] == ["api", "models"]
        parts = parts[2:] if api else parts
        name, rest = "/".join(parts[:2]), parts[2:]
        revision = rest[1] if len(rest) > 1 else "main"
        if name in self.server.gated:
            return self._refuse(403, "GatedRepo")
        if name not in self.server.models:
            return self._refuse(404, "RepoNotFound")
        if revision not in ("main", COMMIT):
            return self._refuse(404, "RevisionNotFound")
        return self._info(name) if api else self._file(self.server.models[name], "/".join(rest[2:]))

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _info(self, name: str) -> None:
        folder = self.server.models[name]
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        siblings = [{"rfilename": path.relative_to(folder).as_posix(), "size": path.stat().st_size} for path in files]
        told = json.dumps({"id": name, "modelId": name, "sha": COMMIT, "siblings": siblings}).encode()
        self._send(told if self.server.listing is None else self.server.listing)

    def _file(self, folder: Path, path: str) -> None:
        wanted = self.headers.get("range", "")
        self.server.asked.append((self.command, path, wanted))
        if not (folder / path).is_file():
            return self._refuse(404, "EntryNotFound")
        if (left := self.server.out_of_order.get(path, 0)) > 0:
            self.server.out_of_order[path] = left - 1
            return self._refuse(503, "")
        data = (folder / path).read_bytes()
        start = int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted else 0
        return self._send(data, start=start, stop=self.server.stops_after.get(path))

    def _send(self, data: bytes, *, start: int = 0, stop: int | None = None) -> None:
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data[start:stop])
            if stop is not None:
                self.close_connection = True
                self.wfile.flush()
                self.connection.close()


@contextmanager
def serving() -> Iterator[FakeHub]:
    """A hub that answers until the end of the block."""
    hub = FakeHub()
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
