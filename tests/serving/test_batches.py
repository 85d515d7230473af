"""Requests answered together, in this process: the same bytes as one by one, whatever index, options and company."""

from __future__ import annotations

import asyncio
import gc
import json
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serving.conftest import make_index, sample
from xret.encoders import Encoder, load_encoder
from xret.encoders.runtime.steady import steady
from xret.serving.asking import Answer, Asked, Asking, Job
from xret.serving.batching import Batcher
from xret.serving.failures import Refusal
from xret.serving.generation import Place
from xret.serving.generations import Systems
from xret.serving.limits import Limits
from xret.serving.metrics import Metrics
from xret.serving.remembering import Remembering, Shelf, places_of

for _module in ("fastapi", "uvicorn", "prometheus_client", "httpx"):
    pytest.importorskip(_module, reason=f"{_module} is not installed (extra serve)")

from xret.serving import schema  # noqa: E402

FACTORIES = ("Flat", "SQ8", "IVF4,Flat", "IVF4,SQ8", "HNSW16", "IVF4,PQ48x4fs")


@pytest.fixture(scope="module")
def systems(indexes: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Systems:
    """The three kinds, and dense ones of several makes."""
    folder = tmp_path_factory.mktemp("factories")
    places = [Place(kind, path, "xret-mini") for kind, path in indexes.items()]
    for at, factory in enumerate(FACTORIES):
        places.append(Place(f"dense{at}", make_index(folder / str(at), sample(), factory=factory)))
    shelf = Shelf(300_000)  # of far fewer documents than are looked into

    def load(name: str) -> Any:
        return Remembering(steady(load_encoder(name, device="cpu", threads=1)), shelf)

    return Systems(places, load, metrics=Metrics())


@cache
def steadied() -> Encoder:
    return steady(load_encoder("xret-mini", device="cpu", threads=1))


def job(systems: Systems, texts: list[str], **options: Any) -> Job:
    names = options.get("fuse") or [options.get("system") or "dense"]
    held = ExitStack()
    leased = held.enter_context(systems.lease(names))
    asked = schema.Options.model_validate(options)
    return Job([Asked(str(at), text, "und") for at, text in enumerate(texts)], asked, leased, held, 5)


def shown(found: list[Answer] | BaseException) -> str:
    assert not isinstance(found, BaseException), found
    return json.dumps([(one.id, one.hits, one.languages) for one in found])


NAMES = ["dense", "lexical", "multivector", *(f"dense{at}" for at in range(len(FACTORIES)))]
OPTIONS = st.fixed_dictionaries(
    {"k": st.sampled_from([1, 3, 10, 200])},
    optional={
        "system": st.sampled_from(NAMES),
        "languages": st.sampled_from([["de"], ["en", "ja"]]),
        "explain": st.just(True),
        "facets": st.sampled_from([20, 200]),
        "text": st.just(False),
        "calibrate": st.sampled_from(["zscore", "rrf"]),
        "rerank": st.sampled_from(["light", "maxsim"]),
        "depth": st.just(12),
    },
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_company_changes_nothing(systems: Systems, queries: list[str], data: st.DataObject) -> None:
    texts = st.lists(st.sampled_from([*queries, "rain", "日本", "x " * 70]), min_size=1, max_size=4)
    asked = data.draw(st.lists(st.tuples(texts, OPTIONS), min_size=2, max_size=7))
    asking = Asking(threads=1)
    alone = [shown(asking([job(systems, one, **options)])[0]) for one, options in asked]
    together = asking([job(systems, one, **options) for one, options in asked])
    assert [shown(found) for found in together] == alone
    both = [shown(asking([job(systems, [text], **options)])[0]) for one, options in asked[:1] for text in one]
    hits = [json.loads(one)[0][1] for one in both]
    assert hits == [part[1] for part in json.loads(alone[0])]  # nor do the other queries of a request


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.sampled_from([*sample()["text"].to_pylist()[:9], ""]), max_size=5), max_size=6))
def test_what_is_remembered_is_what_would_be_made(calls: list[list[str]]) -> None:
    plain, shelf = steadied(), Shelf(30_000)
    encoder: Any = Remembering(plain, shelf)
    for texts in calls:
        for one, other in zip(
            encoder.encode_tokens(texts, role="document"), plain.encode_tokens(texts, role="document"), strict=True
        ):
            assert one.tobytes() == other.tobytes()
        vectors, _ = encoder.encode_counted(texts, role="document")
        assert vectors.tobytes() == plain.encode_counted(texts, role="document")[0].tobytes()
        places = zip(places_of(encoder, texts, role="document"), places_of(plain, texts, role="document"), strict=True)
        assert all((one == other).all() for one, other in places)
        assert shelf.taken <= 30_000
    assert Shelf(0).get(()) is None


def test_a_request_that_fails_fails_alone(systems: Systems, queries: list[str]) -> None:
    good = job(systems, queries[:2], k=3)
    broken = job(systems, ["\ud800"], k=3)
    found = Asking(threads=1)([good, broken, job(systems, queries[:2], k=3)])
    assert shown(found[0]) == shown(found[2])
    assert isinstance(found[1], Exception)


def test_jobs_that_nobody_waits_for_are_left_out_and_let_go(systems: Systems) -> None:
    seen: list[int] = []
    state = systems.current()[0]

    def answer(jobs: Any) -> list[Any]:
        seen.append(len(jobs))
        return [Refusal(422, "x", "y") if one.options.k == 9 else [] for one in jobs]

    async def run() -> None:
        batcher = Batcher(answer, limits=Limits(batch=4, wait=30.0), workers=1, metrics=Metrics(), coming=lambda: 99)
        batcher.start()
        tasks = [asyncio.create_task(batcher.ask(job(systems, ["a"], k=at))) for at in range(1, 10)]
        await asyncio.sleep(0)
        tasks[2].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(found[2], asyncio.CancelledError) and isinstance(found[8], Refusal)
        assert [one for at, one in enumerate(found) if at not in (2, 8)] == [[]] * 7
        await batcher.close()

    gc.collect()  # what the tests above leased and left
    before = state.leases
    asyncio.run(run())
    assert sum(seen) == 8 and max(seen) <= 4 and len(seen) <= 4
    assert state.leases == before == 0
