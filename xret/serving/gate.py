"""What every request passes before it reaches an endpoint, and every answer on its way out."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from xret.serving.failures import Refusal, failure_body
from xret.serving.state import State

__all__ = ["ENDPOINTS", "Gate", "internal"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

logger = logging.getLogger("xret")
ENDPOINTS = frozenset(
    [
        "/", "/search", "/search/batch", "/encode", "/score", "/systems", "/metrics", "/admin/swap", "/openapi.json",
        "/health", "/health/live", "/health/ready",
    ]
)  # fmt: skip
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
)
"""Of every answer that does not say otherwise itself."""
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_LINGER = 1 << 20  # bytes of a refused body that are still read, so that the client gets to see the answer


class Gate:
    """An ASGI application around another: ids, hosts, key, limits, time, headers, counters, log."""

    def __init__(self, app: App, state: State) -> None:
        """Put around `app`."""
        self._app, self._state = app, state

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await self._app(scope, receive, send)
            return
        await _Passage(self._app, self._state, scope, receive, send).through()


class _Passage:
    """One request on its way."""

    def __init__(self, app: App, state: State, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        self._app, self._state, self._scope, self._receive, self._send = app, state, scope, receive, send
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        given = self._headers.get(b"x-request-id", b"")
        self._id = given.decode() if _ID.fullmatch(given) else secrets.token_hex(8)
        scope["xret.request_id"] = self._id
        self._status, self._done, self._since = 0, False, time.perf_counter()
        path = str(scope["path"])
        self._open = path in ("/", "/health", "/health/live", "/health/ready") or path.startswith("/static/")
        self._path = path

    async def through(self) -> None:
        """From the first check to the log."""
        taken = False
        try:
            self._admit()
            if not self._open:
                taken = True
                self._state.accepted += 1
                self._state.active += 1
                self._state.metrics.active.set(self._state.active)
            await self._timed()
        except Refusal as refusal:
            await self._refuse(refusal)
        except Exception:  # the stack is for the log alone
            logger.exception("serve: request %s failed", self._id)
            await self._refuse(internal())
        finally:
            if taken:
                self._state.active -= 1
                self._state.answered += int(self._done)
                self._state.metrics.active.set(self._state.active)
            self._count()

    def _admit(self) -> None:
        """Checks that need no body, cheapest first."""
        state, headers = self._state, self._headers
        if state.hosts is not None and _host(headers) not in state.hosts:
            raise Refusal(421, "wrong_host", "this server has another name; use the address it was started with")
        if self._open:
            return
        if state.key is not None and not state.key.fits(headers):
            raise Refusal(401, "unauthorized", "give the key of this server as 'Authorization: Bearer KEY'")
        if state.stopping.is_set():
            raise Refusal(503, "stopping", "the server is stopping and takes nothing on; ask another, or again later")
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > state.limits.body:
            raise _too_large(state.limits.body)
        if self._scope["method"] == "POST" and not _is_json(headers.get(b"content-type", b"")):
            raise Refusal(415, "not_json", "send JSON, and say so: 'Content-Type: application/json'")
        if state.active >= state.limits.concurrency and self._path != "/metrics":
            raise Refusal(
                429, "busy", "too many requests at a time; wait a second and ask again", limit=state.limits.concurrency
            )

    async def _timed(self) -> None:
        """Read the body and have the request answered, in time."""
        limit = self._state.limits.timeout
        try:
            async with asyncio.timeout(limit):
                body = await self._body()
        except TimeoutError:
            raise Refusal(408, "slow", "the request did not arrive in time; send it faster", limit=limit) from None
        if body is None:
            return  # the client has gone
        try:
            async with asyncio.timeout(limit - (time.perf_counter() - self._since)):
                await self._app(self._scope, _replaying(body, self._receive), self._out)
        except TimeoutError:
            raise Refusal(504, "timeout", "the answer took too long; ask for less, or again", limit=limit) from None

    async def _body(self) -> bytes | None:
        parts, size = [], 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return None
            part = message.get("body", b"")
            size += len(part)
            if size > self._state.limits.body:
                raise _too_large(self._state.limits.body)
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)

    async def _out(self, message: Message) -> None:
        """Send, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            self._status = int(message["status"])
            headers = list(message.get("headers", []))
            there = {name.lower() for name, _ in headers}
            headers += [(name, value) for name, value in HEADERS if name not in there]
            headers.append((b"x-request-id", self._id.encode()))
            if self._state.stopping.is_set():
                headers.append((b"connection", b"close"))
            message = {**message, "headers": headers}
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._done = True

    async def _refuse(self, refusal: Refusal) -> None:
        if self._status:  # the answer has begun: it cannot be taken back
            return
        self._state.metrics.refused.labels(refusal.error).inc()
        if refusal.status == 413:
            await self._drain()
        body = failure_body(refusal, self._id)
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        if refusal.status in (408, 413):
            headers.append((b"connection", b"close"))
        await self._out({"type": "http.response.start", "status": refusal.status, "headers": headers + refusal.headers})
        await self._out({"type": "http.response.body", "body": body})

    async def _drain(self) -> None:
        """Read on a little: a connection that is closed on unread bytes loses the answer."""
        size = 0
        try:
            async with asyncio.timeout(1.0):
                while size < _LINGER:
                    message = await self._receive()
                    size += len(message.get("body", b""))
                    if message["type"] == "http.disconnect" or not message.get("more_body", False):
                        return
        except TimeoutError:
            return

    def _count(self) -> None:
        seconds = time.perf_counter() - self._since
        endpoint = self._path if self._path in ENDPOINTS else "static" if self._open else "other"
        metrics = self._state.metrics
        metrics.requests.labels(endpoint, str(self._status or 499)).inc()
        metrics.seconds.labels(endpoint).observe(seconds)
        logger.info(
            "serve: %s %s %s %d %.1f ms", self._id, self._scope["method"],
            self._path[:100].encode("unicode_escape").decode(), self._status or 499, 1e3 * seconds,
        )  # fmt: skip


def internal() -> Refusal:
    """What is said of a failure that is the server's own."""
    return Refusal(500, "internal", "the server failed at this; its log says more under the request's id")


def _too_large(limit: int) -> Refusal:
    return Refusal(413, "too_large", f"the request has more than {limit:,} bytes; send less at a time", limit=limit)


def _is_json(content_type: bytes) -> bool:
    return content_type.partition(b";")[0].strip().lower() == b"application/json"


def _host(headers: dict[bytes, bytes]) -> str:
    """The name in the header, without the port."""
    host = headers.get(b"host", b"").decode("latin-1").lower()
    return host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]


def _replaying(body: bytes, receive: Receive) -> Receive:
    """A channel that gives the body that was read, and then what else comes."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
