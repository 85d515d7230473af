"""A server with a cross-encoder: asked for by name, each query's pairs scored by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.serving.conftest import mini
from xret.serving.asking import Answer, Asked, Asking, Job
from xret.serving.failures import Refusal
from xret.serving.generation import Place
from xret.serving.generations import Systems
from xret.serving.systems import described

for _module in ("fastapi", "uvicorn", "prometheus_client", "httpx"):
    pytest.importorskip(_module, reason=f"{_module} is not installed (extra serve)")

from xret.serving import schema  # noqa: E402
from xret.serving.metrics import Metrics  # noqa: E402
from xret.serving.scoring import score_pairs  # noqa: E402


class Stand:
    """In a cross-encoder's place: long documents first, those with the query's first letter before others."""

    name = "stand"

    def __init__(self, *, told: bool) -> None:
        self.recipe = SimpleNamespace(languages=("de", "en") if told else None)
        self.asked: list[tuple[int, Sequence[str] | None]] = []

    def score(self, queries: Sequence[str], documents: Sequence[str], *, lang: Sequence[str] | None = None) -> Any:
        self.asked.append((len(queries), lang))
        same = [1000.0 * (query[0] == text[0]) for query, text in zip(queries, documents, strict=True)]
        return np.array([len(text) for text in documents], np.float32) + np.array(same, np.float32)


@pytest.fixture(scope="module")
def systems(indexes: dict[str, Path]) -> Systems:
    places = [Place(kind, path, "xret-mini") for kind, path in indexes.items()]
    return Systems(places, lambda _: mini(), metrics=Metrics())


def asked(systems: Systems, reranker: Any, texts: list[str], **options: Any) -> list[Answer] | BaseException:
    wanted = schema.Options.model_validate({"rerank": "cross", "depth": 20, **options})
    with ExitStack() as held:
        leased = held.enter_context(systems.lease(wanted.fuse or [wanted.system or "dense"]))
        queries = [Asked(str(at), text, "und") for at, text in enumerate(texts)]
        (found,) = Asking(threads=1, reranker=reranker)([Job(queries, wanted, leased, held)])
    return found


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("choice", [{"system": "lexical"}, {"system": "dense"}, {"fuse": ["dense", "lexical"]}])
def test_hits_in_the_order_of_the_cross_encoder(systems: Systems, choice: dict[str, Any], *, told: bool) -> None:
    stand = Stand(told=told)
    queries = ["water and rain", "Die Stadt und das Wasser"]
    found = asked(systems, stand, queries, k=7, explain=True, **choice)
    assert not isinstance(found, BaseException)
    for query, answer, (pairs, lang) in zip(queries, found, stand.asked, strict=True):
        hits = [schema.Hit.model_validate(hit) for hit in answer.hits]
        expected = Stand(told=told).score([query] * len(hits), [hit.text or "" for hit in hits]).tolist()
        assert [hit.score for hit in hits] == expected == sorted(expected, reverse=True) and len(hits) == 7
        assert all(hit.parts and hit.parts["reranked"] == hit.score for hit in hits)
        assert 7 <= pairs <= 40 and (lang is not None) == told
    assert len(stand.asked) == len(queries)  # scored apart: no query's scores depend on another's


def test_what_a_server_without_one_says(systems: Systems) -> None:
    refused = asked(systems, None, ["water"], k=3)
    assert isinstance(refused, Refusal) and refused.status == 422 and "no cross-encoder" in refused.what
    for system in systems.current():
        assert "cross" in described(system, cross=True)["rerank"] and "cross" not in described(system)["rerank"]
    pairs = schema.ScoreRequest(pairs=[["water", "wine"], ["water", "bread"]], method="cross", system=None)
    with pytest.raises(Refusal, match="no cross-encoder"):
        score_pairs(systems, pairs)
    scored = score_pairs(systems, pairs, reranker=Stand(told=True))  # type: ignore[arg-type]
    assert scored == {"scores": [1004.0, 5.0], "method": "cross", "encoder": "stand"}
