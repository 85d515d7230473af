"""The endpoints."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Query, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from xret import __version__
from xret.errors import UnreachableError, XretError
from xret.serving import schema
from xret.serving.asking import Asked, Job
from xret.serving.checks import check_languages, check_options, check_texts
from xret.serving.failures import Refusal, failure_body, first_problem, store_away
from xret.serving.gate import Gate, internal
from xret.serving.page import page_routes
from xret.serving.scoring import encode_texts, score_pairs
from xret.serving.state import State
from xret.serving.systems import described

if TYPE_CHECKING:
    from xret.serving.asking import Answer

__all__ = ["make_app"]

logger = logging.getLogger("xret")

FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"model": schema.Failure, "description": what}
    for status, what in (
        (401, "No key, or a wrong one"), (404, "No such system"), (413, "Too large"), (415, "Not JSON"),
        (422, "Not valid"), (429, "Too many requests at a time"), (503, "Stopping, or a store is away"),
        (504, "Took too long"),
    )
}  # fmt: skip


def make_app(state: State) -> Gate:
    """The application of a server, behind its gate; the page at "/", nothing at /docs, which would load from afar."""
    bearer = [Security(HTTPBearer(auto_error=False, description="The key of the server."))] if state.key else []
    app = FastAPI(
        title="xret", version=__version__, description="Cross-lingual search.", docs_url=None, redoc_url=None,
        dependencies=bearer, separate_input_output_schemas=False,
        redirect_slashes=False,  # to an address made of the Host that a client says
    )  # fmt: skip
    _failures(app, state)
    _health(app, state)
    _search(app, state)
    _vectors(app, state)
    _operation(app, state)
    app.router.routes.extend(page_routes())
    return Gate(app, state)


def _failures(app: FastAPI, state: State) -> None:
    """Every failure as `schema.Failure`."""

    def answered(request: Request, refusal: Refusal) -> Response:
        state.metrics.refused.labels(refusal.error).inc()
        body = failure_body(refusal, request.scope.get("xret.request_id", ""))
        headers = {name.decode(): value.decode() for name, value in refusal.headers}
        return Response(body, refusal.status, headers, media_type="application/json")

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> Response:
        return answered(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return answered(request, Refusal(422, "invalid", first_problem(list(error.errors()))))

    @app.exception_handler(ValidationError)
    async def unfit(request: Request, error: ValidationError) -> Response:
        found = [{**one, "loc": ("query", *one["loc"])} for one in error.errors()]
        return answered(request, Refusal(422, "invalid", first_problem(found)))

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        return answered(request, internal())  # the gate, which it is raised to next, writes the log

    @app.exception_handler(UnreachableError)
    async def away(request: Request, error: UnreachableError) -> Response:
        logger.warning("serve: %s", error)
        return answered(request, store_away())

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> Response:
        if error.status_code == 400:  # nested beyond what a parser takes
            return answered(request, Refusal(422, "invalid", "the request: cannot be read as JSON; see /openapi.json"))
        name = {404: "not_found", 405: "wrong_method"}.get(error.status_code, "refused")
        response = answered(request, Refusal(error.status_code, name, "there is nothing like this; see /openapi.json"))
        response.headers.update(error.headers or {})
        return response


def _health(app: FastAPI, state: State) -> None:
    @app.get("/health/live", response_model=schema.Health, tags=["operation"])
    async def live() -> Any:
        """Whether the process runs."""
        return schema.Health(status="ok", version=__version__, systems=len(state.systems.names))

    stopping: dict[int | str, dict[str, Any]] = {503: {"model": schema.Health, "description": "Stopping"}}

    @app.get("/health", response_model=schema.Health, tags=["operation"], responses=stopping)
    @app.get("/health/ready", response_model=schema.Health, tags=["operation"], responses=stopping)
    async def ready(response: Response) -> Any:
        """Whether requests are taken on."""
        stops = state.stopping.is_set()
        response.status_code = 503 if stops else 200
        status: Any = "stopping" if stops else "ok"
        return schema.Health(status=status, version=__version__, systems=len(state.systems.names))


def _search(app: FastAPI, state: State) -> None:
    @app.post("/search", response_model=schema.SearchResponse, responses=FAILURES, tags=["search"])
    async def search(asked: schema.SearchRequest) -> Response:
        """The best documents for a query."""
        return await _answered_one(state, asked)

    @app.get("/search", response_model=schema.SearchResponse, responses=FAILURES, tags=["search"])
    async def search_by_address(asked: Annotated[schema.SearchParameters, Query()]) -> Response:
        """The same, as a link."""
        return await _answered_one(state, asked.request())

    @app.post("/search/batch", response_model=schema.BatchResponse, responses=FAILURES, tags=["search"])
    async def search_batch(asked: schema.BatchRequest) -> Response:
        """The best documents for each of several queries."""
        since = time.perf_counter()
        queries = [Asked(one.id, one.query, one.lang or "und") for one in asked.queries]
        answers, shown = await _answers(state, queries, asked)
        results = [{"id": one.id, "hits": one.hits, "languages": one.languages} for one in answers]
        return _json({"results": results, "took_ms": _since(since), **shown})


def _vectors(app: FastAPI, state: State) -> None:
    @app.post("/encode", response_model=schema.EncodeResponse, responses=FAILURES, tags=["vectors"])
    async def encode(asked: schema.EncodeRequest) -> Response:
        """Sentence vectors of texts."""
        since = time.perf_counter()
        check_texts(state.limits, asked.texts)
        if asked.lang is not None and len(asked.lang) != len(asked.texts):
            raise Refusal(422, "invalid", f"{len(asked.lang)} languages, {len(asked.texts)} texts; give one for each")
        found = await _computed(state, lambda: encode_texts(state.systems, asked))
        return _json({**found, "took_ms": _since(since)})

    @app.post("/score", response_model=schema.ScoreResponse, responses=FAILURES, tags=["vectors"])
    async def score(asked: schema.ScoreRequest) -> Response:
        """How well the texts of pairs fit each other."""
        since = time.perf_counter()
        check_texts(state.limits, [text for pair in asked.pairs for text in pair], pairs=len(asked.pairs))
        found = await _computed(state, lambda: score_pairs(state.systems, asked, reranker=state.reranker))
        return _json({**found, "took_ms": _since(since)})


def _operation(app: FastAPI, state: State) -> None:
    @app.get("/systems", response_model=list[schema.System], responses=FAILURES, tags=["operation"])
    async def systems() -> Response:
        """What can be asked, the first is asked where a request names none."""
        return _json([described(one, cross=state.reranker is not None) for one in state.systems.current()])

    @app.get("/metrics", response_class=Response, tags=["operation"])
    async def metrics() -> Response:
        """Counters for Prometheus."""
        text, kind = state.metrics.text()
        return Response(text, headers={"Content-Type": kind})

    @app.post(
        "/admin/swap", response_model=schema.SwapResponse, tags=["operation"],
        responses={**FAILURES, 409: {"model": schema.Failure, "description": "What lies there cannot be used"}},
    )  # fmt: skip
    async def swap(asked: schema.SwapRequest) -> Response:
        """Open indexes again from where the server was told they lie, verify them, and put them in place."""
        import asyncio

        try:
            found = await asyncio.to_thread(state.systems.swap, asked.system, check=state.check)
        except (XretError, OSError) as error:
            _tell_swap(error)
            raise Refusal(
                409, "not_swapped", "the index that lies there now cannot be used and the old one stays; see the log"
            ) from None
        return _json({"systems": found})


async def _answered_one(state: State, asked: schema.SearchRequest) -> Response:
    since = time.perf_counter()
    answers, shown = await _answers(state, [Asked("1", asked.query, asked.lang or "und")], asked)
    found = answers[0]
    return _json({"hits": found.hits, "languages": found.languages, "took_ms": _since(since), **shown})


async def _answers(
    state: State, queries: Sequence[Asked], asked: schema.Options
) -> tuple[list[Answer], dict[str, str]]:
    """The answers, and which systems in which states gave them."""
    check_options(state.limits, asked)
    check_texts(state.limits, [one.text for one in queries])
    names = asked.fuse or ([asked.system] if asked.system else None)
    held = ExitStack()
    try:
        systems = held.enter_context(state.systems.lease(names))
        check_languages(asked, systems)
        job = Job(queries, asked, systems, held, min(state.limits.explain, asked.k))
    except BaseException:
        held.close()
        raise
    shown = {name: "+".join(part) for name, part in _shown(systems).items()}
    return await _batcher(state).ask(job), shown


def _shown(systems: Sequence[Any]) -> dict[str, list[str]]:
    return {"system": [one.place.name for one in systems], "version": [one.version for one in systems]}


def _batcher(state: State) -> Any:
    if state.batcher is None:
        raise Refusal(503, "starting", "the server is not ready; ask again later")
    return state.batcher


async def _computed(state: State, work: Any) -> dict[str, Any]:
    found: dict[str, Any] = await _batcher(state).compute(work)
    return found


def _since(since: float) -> float:
    return round(1e3 * (time.perf_counter() - since), 3)


def _json(value: Any) -> Response:
    """Checked by tests against the models, not by every answer against them."""
    return Response(
        json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(),
        media_type="application/json",
    )


def _tell_swap(error: Exception) -> None:
    logger.warning("serve: not swapped: %s", error)
