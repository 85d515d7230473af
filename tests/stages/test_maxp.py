"""Documents by their best passage, against dictionaries; and reranking by MaxSim over windows, against loops."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from xret.errors import EvalError, UsageError
from xret.runs import ordered
from xret.stages.maxp import best_passages, to_passages
from xret.stages.maxsim import maxsim, maxsim_texts
from xret.stages.rerank import Rerank

WORDS = ["water", "wind", "sun", "stone", "river", "bird", "house", "green", "old", "night"]


def passages(seed: int) -> pa.Table:
    random = np.random.default_rng(seed)
    owner = random.integers(0, 12, 40)
    return pa.table({
        "id": [f"p{n}" for n in range(40)],
        "text": [" ".join(random.choice(WORDS, 6)) for _ in range(40)],
        "lang": ["en"] * 40,
        "doc_id": [None if d == 11 else f"d{d}" for d in owner],
    })  # fmt: skip


def run_of(seed: int, docids: list[str]) -> pa.Table:
    random = np.random.default_rng(seed)
    rows = [
        (f"q{q}", docid, float(random.integers(0, 9))) for q in range(3) for docid in random.permutation(docids)[:9]
    ]
    qid, docid, score = zip(*rows, strict=True)
    return pa.table({"qid": list(qid), "docid": list(docid), "score": list(score), "text": list(docid)})


@pytest.mark.parametrize("seed", range(4))
def test_best_passages(seed: int) -> None:
    corpus = passages(seed)
    parent = {row["id"]: row["doc_id"] or row["id"] for row in corpus.to_pylist()}
    run = run_of(seed, list(parent))
    assert to_passages(run, corpus) is run
    best: dict[tuple[str, str], float] = defaultdict(lambda: -1.0)
    for row in run.to_pylist():
        key = row["qid"], parent[row["docid"]]
        best[key] = max(best[key], row["score"])
    found = best_passages(run, corpus).to_pylist()
    assert {(row["qid"], row["docid"]): row["score"] for row in found} == best and len(found) == len(best)
    assert all(parent[row["text"]] == row["docid"] for row in found)  # further columns are the best passage's
    table = best_passages(run, corpus)
    assert ordered(table).equals(table)


@pytest.mark.parametrize("seed", range(4))
def test_documents_become_their_passages(seed: int) -> None:
    corpus = passages(seed)
    own = defaultdict(list)
    for row in corpus.to_pylist():
        own[row["doc_id"]].append(row["id"])
    own |= {docid: [docid] for docid in own.pop(None, [])}  # documents of their own
    run = run_of(seed, list(own))
    found = to_passages(run, corpus).to_pylist()
    wanted = [(row["qid"], docid, row["score"]) for row in run.to_pylist() for docid in own[row["docid"]]]
    assert [(row["qid"], row["docid"], row["score"]) for row in found] == wanted


def test_ids_of_passages_that_are_ids_of_documents() -> None:
    """The first passage is called as its document."""
    names = ["a", "a-2", "b", "b-2", "c"]
    corpus = pa.table({"id": names, "doc_id": ["a", "a", "b", "b", None]})

    def ids(docids: list[str], **options: Any) -> list[str]:
        run = pa.table({"qid": ["q"] * len(docids), "docid": docids, "score": [1.0] * len(docids)})
        found: list[str] = to_passages(run, corpus, **options)["docid"].to_pylist()
        return found

    assert ids(["a", "b-2"]) == ["a", "b-2"] and ids(["c"]) == ["c"]
    for docids in (["a"], ["c", "b"]):
        with pytest.raises(EvalError, match=f"such as '{docids[-1]}'; say which are meant"):
            ids(docids)
    assert ids(["c", "b"], of="passages") == ["c", "b"] and ids(["c", "b"], of="documents") == ["c", "b", "b-2"]
    with pytest.raises(EvalError, match="document 'b-2' of the run has no passages"):
        ids(["a", "b-2"], of="documents")


@pytest.mark.parametrize("seed", range(4))
def test_what_comes_out_goes_in_again(seed: int) -> None:
    corpus = passages(seed)
    out = best_passages(run_of(seed, corpus["id"].to_pylist()), corpus)
    assert best_passages(to_passages(out, corpus), corpus)["docid"].to_pylist() == out["docid"].to_pylist()


def test_reranking_documents_by_their_passages(tmp_path: Path) -> None:
    corpus, queries = passages(1), pa.table({"id": ["q0", "q1"], "text": ["wind bird", "old stone"]})
    ids = sorted({name for name in corpus["doc_id"].to_pylist() if name})
    run = pa.table({"qid": ["q0"] * len(ids) + ["q1"] * len(ids), "docid": ids * 2, "score": [0.0] * 2 * len(ids)})
    options: dict[str, Any] = {"depth": 1000, "progress": False, "device": "cpu", "threads": 1}
    found = Rerank(maxp=True, **options).run(run, queries, corpus, work=tmp_path)
    rows = [n for n, name in enumerate(corpus["doc_id"].to_pylist()) if name]
    plain = pa.table({
        "qid": ["q0"] * len(rows) + ["q1"] * len(rows), "docid": [f"p{n}" for n in rows] * 2,
        "score": [0.0] * 2 * len(rows),
    })  # fmt: skip
    one = Rerank(**options).run(plain, queries, corpus, work=tmp_path)
    assert found.equals(best_passages(one, corpus))
    assert found.equals(Rerank(maxp=True, **options).run(plain, queries, corpus, work=tmp_path))


def test_maxsim_over_windows_is_the_best_windows() -> None:
    from xret.encoders import load_encoder

    encoder = load_encoder(device="cpu", threads=1)
    random = np.random.default_rng(5)
    documents = [" ".join(random.choice(WORDS, n)) for n in (0, 3, 40, 90)]
    queries = ["wind over the river", "old stone"]
    pairs = np.repeat([0, 1], 4), np.tile(np.arange(4), 2)
    asked = encoder.encode_tokens(queries, role="query")
    recipe = encoder.recipe
    rules: dict[str, Any] = {"similarity": recipe.max_similarity, "fade": recipe.fade}
    for truncation, window in (("windows", 16), ("first", 16), ("windows", None), ("first", None)):
        scores = maxsim_texts(encoder, queries, documents, pairs, truncation=truncation, window=window)  # type: ignore[arg-type]
        for at, (q, d) in enumerate(zip(*pairs, strict=True)):
            cut = encoder.passages([documents[d]], window=window).texts
            vectors = encoder.encode_tokens(cut if truncation == "windows" else cut[:1], role="document")
            best = max(float(maxsim([asked[q]], each, **rules)[0]) for each in vectors)
            assert scores[at] == pytest.approx(best, abs=1e-5)
    assert len(encoder.passages(documents, window=16).texts) > 8


def test_what_is_refused(tmp_path: Path) -> None:
    corpus = passages(1)
    with pytest.raises(EvalError, match="document 'd77' of the run has no passages"):
        to_passages(pa.table({"qid": ["q"], "docid": ["d77"], "score": [1.0]}), corpus)
    with pytest.raises(EvalError, match="no column 'doc_id'"):
        Rerank(maxp=True).run(run_of(1, ["p1"]), corpus, corpus.drop_columns(["doc_id"]), work=tmp_path)
    with pytest.raises(UsageError, match="overlap is that of windows"):
        Rerank(window=9, overlap=2)
    with pytest.raises(UsageError, match="batch is 0 tokens"):
        Rerank(batch=0)
    with pytest.raises(UsageError, match="truncation 'last' is not known"):
        Rerank(truncation="last")  # type: ignore[arg-type]
