"""Where a server listens, and by which names it goes."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence

from xret.errors import InputError
from xret.serving.keys import Key, is_loopback

__all__ = ["bound_socket", "own_names"]


def own_names(host: str, more: Sequence[str], *, key: Key | None) -> frozenset[str] | None:
    """The names that requests may call the server by; None for any, where a key is wanted anyway."""
    if key is not None or not is_loopback(host):
        return None
    host = host.strip("[]").lower()
    own = f"[{host}]" if ":" in host else host
    return frozenset({own, "localhost", "127.0.0.1", "[::1]", *(name.lower() for name in more)})


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket at an address, so that one in use is told before anything is loaded.

    Raises:
        InputError: it cannot be had.
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, proto)
        if sys.platform != "win32":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{host}:{port}: cannot be listened at ({reason}); give another --host or --port") from error
    return made
