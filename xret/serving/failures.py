"""Requests that are not answered, and what is said instead: nothing of paths, stacks or models."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["Refusal", "failure_body", "first_problem", "store_away"]

RETRY = 1  # seconds until one who was refused for load may try again


class Refusal(Exception):
    """A request that is refused; becomes ``{error, what, limit, request_id}``.

    Attributes:
        status: of HTTP.
        error: a short name.
        what: one line: what was found, what to do.
        limit: the limit that was passed.
    """

    def __init__(self, status: int, error: str, what: str, *, limit: float | None = None) -> None:
        """See the class."""
        super().__init__(what)
        self.status, self.error, self.what, self.limit = status, error, what, limit

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Those that belong to the status."""
        if self.status in (429, 503):
            return [(b"retry-after", str(RETRY).encode())]
        if self.status == 401:
            return [(b"www-authenticate", b'Bearer realm="xret"')]
        return []


def store_away() -> Refusal:
    """For a store that cannot be reached, or that refuses."""
    return Refusal(503, "store", "the store behind this system cannot answer now; ask again later")


def failure_body(failure: Refusal, request_id: str) -> bytes:
    """The JSON of a failure (see `xret.serving.schema.Failure`)."""
    said: dict[str, Any] = {"error": failure.error, "what": failure.what}
    if failure.limit is not None:
        said["limit"] = failure.limit
    return json.dumps({**said, "request_id": request_id}, ensure_ascii=False).encode("utf-8", "replace")


def first_problem(errors: list[Any]) -> str:
    """What pydantic found first, in one line: where it is and what is wrong, without the value itself."""
    first = errors[0] if errors else {}
    place = ".".join(str(part) for part in first.get("loc", ())[1:] if not isinstance(part, str) or len(part) < 64)
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{place or 'the request'}: {first.get('msg', 'is not valid')}{more}; see /openapi.json"
