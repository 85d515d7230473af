"""The search page: files that `xret serve` hands out as they are, and the routes that do so.

No build step, no framework, nothing loaded from elsewhere. The page speaks to the API of `xret.serving.schema` by
relative addresses, so that it also works below a prefix of a proxy.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from xret.errors import require

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

__all__ = ["HEADERS", "page_routes"]

# Documents are other people's text: even a slip in the page's code must not let one run, load or frame anything.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # the address holds the query
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",  # kept, but asked about each time: an upgrade is seen at once
}
_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True)
class _File:
    """A file in memory; all of them together are smaller than one answer."""

    content: bytes
    type: str
    tag: str

    @classmethod
    def read(cls, path: Traversable) -> _File:
        content = path.read_bytes()
        return cls(content, _TYPES[path.name.rpartition(".")[2]], f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def page_routes() -> list[BaseRoute]:
    """Routes of `GET /` and `GET /static/NAME`, to be added to a Starlette or FastAPI application.

    Every answer carries `HEADERS`, an entity tag, and is 304 where the browser has the file. A name that is no file of
    the page is 404: names are looked up in a table, never on the disk.

    Raises:
        MissingExtraError: Starlette is not installed.
    """
    routing = require("starlette.routing", extra="serve", purpose="the search page")
    folder = files(__name__)
    index = _File.read(folder / "index.html")
    static = {path.name: _File.read(path) for path in (folder / "static").iterdir() if _known(path.name)}

    async def root(request: Request) -> Response:
        return _answer(request, index)

    async def named(request: Request) -> Response:
        return _answer(request, static.get(request.path_params["name"]))

    return [
        routing.Route("/", root, name="page", include_in_schema=False),
        routing.Route("/static/{name}", named, name="static", include_in_schema=False),
    ]


def _known(name: str) -> bool:
    return name.rpartition(".")[2] in _TYPES


def _answer(request: Request, file: _File | None) -> Response:
    from starlette.responses import Response

    if file is None:
        return Response("No such file.\n", status_code=404, headers=HEADERS, media_type="text/plain")
    headers = HEADERS | {"ETag": file.tag}
    asked = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if file.tag in asked:
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers, media_type=file.type)
