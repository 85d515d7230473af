"""A server that keeps the contract of `xret.serving.schema` and knows a dozen documents: the page's test double.

Run it to look at the page: ``python -m tests.serving.page.fake [PORT]``.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from tests.serving.page.documents import DOCUMENTS, Document
from xret.serving.page import page_routes
from xret.serving.schema import Hit, SearchRequest, SearchResponse, System

__all__ = ["Fake", "Served", "application"]

_COUNTS = dict(Counter(document.lang for document in DOCUMENTS))
_SAME: dict[str, Any] = {"rows": len(DOCUMENTS), "languages": _COUNTS, "texts": True, "version": "1"}
SYSTEMS = [
    System(name="tokens", kind="multivector", encoder="toy", matches=True, rerank=["maxsim"], **_SAME),
    System(name="words", kind="lexical", encoder=None, matches=False, rerank=[], **_SAME),
]


@dataclass
class Fake:
    """What the server does next, and what it was asked."""

    asked: list[SearchRequest] = field(default_factory=list)
    refuse: tuple[int, dict[str, Any]] | None = None  # every search is answered with this
    delay: float = 0.0  # seconds
    key: str | None = None
    most_facets: int = 1000
    bare: bool = False  # an index of ids alone
    documents: tuple[Document, ...] = DOCUMENTS
    languages: dict[str, int] = field(default_factory=dict)  # counted beside those of the documents
    systems: list[System] = field(default_factory=lambda: list(SYSTEMS))


def _matches(document: Document) -> list[tuple[int, int, float]]:
    """Code points, as Python counts them."""
    found = [(document.text.index(phrase), phrase, weight) for phrase, weight in document.phrases]
    return sorted((start, start + len(phrase), weight) for start, phrase, weight in found)


def _hit(document: Document, rank: int, *, words: bool, explain: bool) -> Hit:
    score = 0.9 - rank / 32
    return Hit(
        id=document.id,
        lang=document.lang,
        score=score,
        rank=rank,
        text=document.text,
        title=document.title,
        parts={"raw": 12.5 - rank, "calibrated": score} if explain else None,
        matches=None if words else _matches(document),
    )


def _hits(request: SearchRequest, fake: Fake) -> SearchResponse:
    words = request.system == "words"
    order = list(fake.documents)
    if words:  # other ranks, and some documents not at all
        order = [document for document in reversed(order) if document.lang in {"en", "und", "fr", "de", "th"}]
    if "nothing" in request.query:
        order = []
    counts = dict(Counter(document.lang for document in order[: request.facets or None]).most_common())
    counts |= fake.languages
    kept = [document for document in order if not request.languages or document.lang in request.languages]
    hits = [
        _hit(one, rank, words=words, explain=request.explain) for rank, one in enumerate(kept[: request.k], start=1)
    ]
    if fake.bare:
        hits = [hit.model_copy(update={"text": None, "title": None, "matches": None}) for hit in hits]
    return SearchResponse(hits=hits, languages=counts, took_ms=3.2, system=request.system or "tokens", version="1")


def application(fake: Fake) -> FastAPI:
    """The API, and the page below it."""
    app = FastAPI()

    @app.middleware("http")
    async def locked(request: Any, following: Any) -> Any:
        api = request.url.path in {"/search", "/systems"}
        if api and fake.key and request.headers.get("authorization") != f"Bearer {fake.key}":
            return JSONResponse({"error": "unauthorized", "what": "This server asks for a key."}, 401)
        return await following(request)

    @app.get("/systems")
    async def systems() -> list[System]:
        return fake.systems

    @app.post("/search", response_model=None)
    async def search(request: SearchRequest) -> Any:
        fake.asked.append(request)
        await asyncio.sleep(fake.delay)
        if fake.refuse:
            return JSONResponse(fake.refuse[1], fake.refuse[0])
        if request.facets > fake.most_facets:
            what = {"error": "too_deep", "what": "facets; ask for fewer", "limit": fake.most_facets}
            return JSONResponse(what, 422)
        return _hits(request, fake).model_dump()

    app.router.routes.extend(page_routes())
    return app


class Served:
    """The fake on a free port of 127.0.0.1, in a thread, until `stop`."""

    def __init__(self, fake: Fake) -> None:
        self.fake = fake
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        config = uvicorn.Config(application(fake), log_level="warning", ws="none", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        """Twice does no harm."""
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()


if __name__ == "__main__":
    uvicorn.run(application(Fake()), port=int(sys.argv[1]) if sys.argv[1:] else 8090)
