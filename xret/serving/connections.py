"""Connections that hold on without getting on: what uvicorn leaves open for as long as the other side likes.

A client may connect and say nothing, send its headers a byte at a time or without end, ask thousands of things ahead,
or ask and never read the answer. Each costs a file descriptor and some memory; none of them passes
`xret.serving.gate`, which sees requests alone.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from xret.errors import require
from xret.serving.failures import Refusal, failure_body

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Base

    from xret.serving.limits import Limits
else:
    Base = object

__all__ = ["protocol_of"]

HEADERS = 128  # of a request, trailers included
AHEAD = 16  # requests that are sent before the answer to an earlier one is there
LONG = "the request's head has too many bytes; send less"
CHUNKED = 8  # times as many bytes as a body has may come for it: chunks have sizes and trailers


def protocol_of(limits: Limits) -> type[asyncio.Protocol]:
    """uvicorn's protocol of HTTP/1.1, kept to some of the limits.

    Args:
        limits: `connections`, `head`, `body`, `idle`.

    Raises:
        MissingExtraError: httptools is not installed.
    """
    made: Any = require("uvicorn.protocols.http.httptools_impl", extra="serve", purpose="xret serve")
    own = {"limits": limits, "status_lines": made.STATUS_LINE}
    return type("Protocol", (_Bounded, made.HttpToolsProtocol), own)


class _Bounded(Base):
    """What is put before the methods of uvicorn's protocol.

    What the parser's callbacks (`on_…`) raise ends the parsing of all that was received at a time.
    """

    limits: Limits
    status_lines: dict[int, bytes]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._alarm: asyncio.TimerHandle | None = None
        self._received, self._head, self._in_head = 0, 0, True
        if len(self.connections) > self.limits.connections:
            self._refuse(503, "busy", "too many connections; close some, or ask again later", self.limits.connections)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        super().data_received(data)
        if self._in_head and self._received > self.limits.head:
            self._refuse(431, "too_large", LONG, self.limits.head)
        elif self._received > self.limits.head + CHUNKED * self.limits.body:
            self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._received, self._head, self._in_head = 0, 0, True

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._grow(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._grow(len(name) + len(value))
        if len(self.headers) > HEADERS:
            self._refuse(431, "too_large", "the request has too many headers; send fewer", HEADERS)
            raise ValueError("too many headers")

    def on_headers_complete(self) -> None:
        self._in_head = False
        if not self.flow.write_paused:
            self._disarm()
        super().on_headers_complete()
        if len(self.pipeline) > AHEAD:
            raise ValueError(f"more than {AHEAD} requests ahead")

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.pipeline:
            self._arm()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._arm()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self._in_head and not self.transport.is_closing():
            self._disarm()

    def send_400_response(self, msg: str) -> None:
        if not self.transport.is_closing():  # else it was refused already
            super().send_400_response(msg)

    def _grow(self, size: int) -> None:
        self._head += size
        if self._head > self.limits.head:
            self._refuse(431, "too_large", LONG, self.limits.head)
            raise ValueError("a long head")

    def _arm(self) -> None:
        """From now on, the other side has so long to get on."""
        self._disarm()
        self._alarm = self.loop.call_later(self.limits.idle, self.transport.abort)

    def _disarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _refuse(self, status: int, error: str, what: str, limit: float) -> None:
        """Answer without a request, and close."""
        if self.transport.is_closing():
            return
        body = failure_body(Refusal(status, error, what, limit=limit), "")
        head = self.status_lines[status] + b"content-type: application/json\r\nconnection: close\r\n"
        self.transport.write(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        self.transport.close()
