"""The API key: where it comes from, and who has it."""

from __future__ import annotations

import hmac
import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path

from xret.errors import InputError, UsageError

__all__ = ["VARIABLE", "Key", "is_loopback", "refuse_open", "wanted_key"]

VARIABLE = "XRET_API_KEY"
LEAST = 16  # characters


class Key:
    """A key that is compared in constant time, and shown to nobody."""

    def __init__(self, secret: str) -> None:
        """The secret itself."""
        self._secret = secret.encode()

    def __repr__(self) -> str:
        """Says nothing of it."""
        return "Key(…)"

    def fits(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a request has it, as ``Authorization: Bearer KEY`` or as ``X-API-Key: KEY``."""
        given = headers.get(b"x-api-key", b"").strip()
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"bearer":
            given = token.strip()
        return hmac.compare_digest(given, self._secret)


def wanted_key(file: Path | None) -> Key | None:
    """The key in a file (its first line), else in the environment, else None.

    Raises:
        InputError: a file that is not there, or a key that is short, or not printable ASCII without spaces.
    """
    if file is not None:
        try:
            text, where = file.read_text(encoding="utf-8"), str(file)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise InputError(f"{file}: the key cannot be read ({reason}); give a file with a key in it") from error
        secret = (text.splitlines() or [""])[0].strip()
    elif VARIABLE in os.environ:
        secret, where = os.environ[VARIABLE].strip(), VARIABLE
    else:
        return None
    if len(secret) < LEAST or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise InputError(
            f"{where}: the key has {len(secret)} characters; wanted at least {LEAST}, printable ASCII without spaces "
            "(openssl rand -hex 32 makes one)"
        )
    return Key(secret)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def refuse_open(host: str, key: Key | None, *, insecure: bool) -> None:
    """Refuse to serve other machines without a key.

    Raises:
        UsageError: saying so.
    """
    if key is None and not insecure and not is_loopback(host):
        raise UsageError(
            f"--host {host} lets other machines in, and there is no key; give --api-key-file FILE (or {VARIABLE}), or "
            "keep to 127.0.0.1, or say --insecure-no-key where something in front of the server checks who asks"
        )
