"""The light reranker against cosines and loops, text by text; and what it and its weight have to do with a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from xret.encoders import Encoder, load_encoder
from xret.errors import ModelError, UsageError
from xret.stages import light
from xret.stages import maxsim as module
from xret.stages.light import light_texts
from xret.stages.maxsim import maxsim
from xret.stages.rerank import Rerank

WORDS = ["water", "wind", "sun", "stone", "river", "bird", "house", "green", "old", "night"]
QUERIES = ["wind over the river", "old stone", ""]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(device="cpu", threads=1)


def documents() -> list[str]:
    random = np.random.default_rng(5)
    return [" ".join(random.choice(WORDS, n)) for n in (0, 3, 40, 200)]


def one(encoder: Encoder, query: str, document: str, weight: float, window: int | None) -> float:
    first = encoder.passages([document], window=window).texts[:1] if window else [document]
    asked, found = encoder.encode_tokens([query], role="query"), encoder.encode_tokens(first, role="document")
    cosine = float(encoder.encode([query], role="query")[0] @ encoder.encode([document], role="document")[0])
    return cosine + weight * float(maxsim(asked, found[0], similarity="mean", fade=encoder.recipe.fade)[0])


@pytest.mark.parametrize(("weight", "window"), [(None, None), (0.5, None), (0.0, None), (2.0, 8)])
def test_cosine_plus_maxsim(
    encoder: Encoder, monkeypatch: pytest.MonkeyPatch, weight: float | None, window: int | None
) -> None:
    monkeypatch.setattr(module, "CHARACTERS", 100)  # several batches
    monkeypatch.setattr(light, "PAIRS", 2)
    texts = documents()
    pairs = np.tile(np.arange(3), 4), np.repeat(np.arange(4), 3)
    found = light_texts(encoder, QUERIES, texts, pairs, weight=weight, window=window)
    for score, q, d in zip(found, *pairs, strict=True):
        wanted = one(encoder, QUERIES[q], texts[d], light.HEAD_WEIGHT if weight is None else weight, window)
        assert score == pytest.approx(wanted, abs=1e-5)


def test_an_encoder_without_a_head_counts_the_beginning_half(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "recipe", replace(encoder.recipe, token_head=None))
    texts = [" ".join(WORDS * 20), " ".join(WORDS * 20 + ["more"])]
    pairs = np.zeros(2, np.int64), np.arange(2)
    taken: dict[str, Any] = {}

    def seen(*_: Any, **options: Any) -> NDArray[np.float64]:
        taken.update(options)
        return np.ones(2)

    monkeypatch.setattr(light, "maxsim_texts", seen)
    found = light_texts(encoder, QUERIES[:1], texts, pairs)
    cosines = encoder.encode(texts, role="document") @ encoder.encode(QUERIES[:1], role="query")[0]
    assert taken["window"] == light.WINDOW and found == pytest.approx(cosines + light.WEIGHT, abs=1e-5)


def test_a_run_reranked(encoder: Encoder, tmp_path: Path) -> None:
    texts = documents()[1:]
    queries = pa.table({"id": ["q0", "q1"], "text": QUERIES[:2]})
    corpus = pa.table({"id": ["d0", "d1", "d2"], "text": texts})
    run = pa.table({"qid": ["q0"] * 3 + ["q1"] * 3, "docid": ["d0", "d1", "d2"] * 2, "score": [0.0] * 6})
    options: dict[str, Any] = {"model": "light", "device": "cpu", "threads": 1, "progress": False}
    found = Rerank(**options).run(run, queries, corpus, work=tmp_path)
    assert set(found["tag"].to_pylist()) == {"light"} and found["rank"].to_pylist() == [1, 2, 3] * 2
    for row in found.to_pylist():
        wanted = one(encoder, QUERIES[int(row["qid"][1])], texts[int(row["docid"][1])], light.HEAD_WEIGHT, None)
        assert row["score"] == pytest.approx(wanted, abs=1e-5)
    assert (
        len({Rerank(model=name).key() for name in ("light", "maxsim")} | {Rerank(model="light", weight=1).key()}) == 3
    )


def test_what_is_refused(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="the weight is nan"):
        Rerank(model="light", weight=float("nan"))
    with pytest.raises(UsageError, match="the overlap is 64 tokens; give 0 or more, less than the window's 64"):
        Rerank(model="light", truncation="windows", window=64, overlap=64)
    monkeypatch.setattr(encoder, "dim", 0)
    with pytest.raises(ModelError, match="gives token vectors, no sentence vectors"):
        light_texts(encoder, ["a"], ["b"], (np.zeros(1, np.int64), np.zeros(1, np.int64)))
