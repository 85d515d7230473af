"""The connection to Milvus: errors in one line, and some patience with a server that is starting again."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xret.errors import InputError, UnreachableError, XretError, require
from xret.stores.place import Place

__all__ = ["Connection", "Refused", "pymilvus"]

TOKEN = "XRET_MILVUS_TOKEN"
PATIENCE = 15.0  # seconds: a pod that is moved, a server that replays its log; then it counts as gone
TIMEOUT = 60.0  # seconds of one call
AWAY = (2, 14)  # pymilvus' and gRPC's codes of "not reachable"
UNKNOWN = "UNIMPLEMENTED"
LOCKED = "Open local milvus"


def pymilvus() -> Any:
    """The client library, or the error that says how to install it."""
    module = require("pymilvus", extra="milvus", purpose="a Milvus store")
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL + 1)  # it prints every error with its traceback
    return module


class Connection:
    """Calls to one server.

    Every call made here may be made twice: searches, and changes that give the same the second time. So a call that
    did not reach the server, or whose answer was lost, is made again for `patience` seconds. Once that was in vain, it
    has none until a call succeeds: many who ask a server that is gone shall not all wait for it.
    """

    def __init__(self, place: Place, *, patience: float | None = None) -> None:
        """Connect.

        Raises:
            UnreachableError: it cannot be reached.
            InputError: it does not know the key.
        """
        self.place, self.patience = place, PATIENCE if patience is None else patience
        self._gone = False
        self._library, self._client = pymilvus(), None
        if not place.server.startswith("http"):
            self._see_file(Path(place.server))
        self._client = self._patiently(self._connected)

    def __call__(self, name: str, *arguments: Any, **options: Any) -> Any:
        """What the client's method `name` gives.

        Raises:
            UnreachableError: the server does not answer.
            InputError: it refuses.
        """
        return self._patiently(lambda: getattr(self._client, name)(*arguments, timeout=TIMEOUT, **options))

    def try_(self, name: str, *arguments: Any, **options: Any) -> Any | None:
        """The same; None where the server refuses."""
        try:
            return self(name, *arguments, **options)
        except Refused:
            return None

    @property
    def library(self) -> Any:
        """The module `pymilvus`."""
        return self._library

    def schema(self) -> Any:
        """An empty schema with ids given by us."""
        return self._library.MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)

    def index_parameters(self) -> Any:
        """An empty list of indexes."""
        return self._library.MilvusClient.prepare_index_params()

    def close(self) -> None:
        """Give the connection back."""
        if self._client is not None:
            self._client.close()

    def _connected(self) -> Any:
        options = {"db_name": self.place.database} if self.place.database else {}
        return self._library.MilvusClient(
            uri=self.place.server, token=os.environ.get(TOKEN, ""), timeout=10.0, **options
        )

    def _patiently(self, call: Callable[[], Any]) -> Any:
        end, pause = time.monotonic() + (0 if self._gone else self.patience), 0.2
        while True:
            try:
                found = call()
                self._gone = False
                return found
            except XretError:
                raise
            except Exception as error:
                if not _away(error):
                    raise Refused(f"{self.place}: {_said(error)}") from error
                if time.monotonic() + pause > end:
                    self._gone = True
                    raise UnreachableError(
                        f"{self.place}: cannot be reached ({_said(error)}); start the server, or name another one, and "
                        "do the same again"
                    ) from error
            time.sleep(pause)
            pause = min(2 * pause, 1.0)

    def _see_file(self, path: Path) -> None:
        """Refuse a file before the library prints a traceback about it."""
        require("milvus_lite", extra="milvus", purpose=f"the store file {path}")
        if not path.parent.is_dir():
            raise InputError(f"{self.place}: there is no folder {path.parent}; make it, or choose another place")
        logging.getLogger("milvus_lite").setLevel(logging.CRITICAL + 1)


class Refused(InputError):
    """The server was reached, and said no."""


def _away(error: Exception) -> bool:
    """Whether a call did not reach the server."""
    code, text = _code(error), str(error)
    named = getattr(code, "name", "") in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
    return code in AWAY or named or "UNAVAILABLE" in text or "Fail connecting" in text


def _code(error: Exception) -> Any:
    """The number of pymilvus' errors, the status of gRPC's."""
    code = getattr(error, "code", None)
    return code() if callable(code) else code


def _said(error: Exception) -> str:
    """What the library found, in one line."""
    code = _code(error)
    details = getattr(error, "details", None)
    text = getattr(error, "message", "") or (details() if callable(details) else "") or str(error)
    text = " ".join(str(text).split())
    if LOCKED in text:
        return "the file cannot be opened; another process may have it: end that one, or let a server hold the file"
    if UNKNOWN in text or getattr(code, "name", "") == UNKNOWN:
        return f"this server does not have what was asked for ({text[:160]}); Milvus Lite has less than Milvus"
    return text[:300].rstrip(".") or type(error).__name__
