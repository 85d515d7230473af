"""A corpus of many chunks stays where it is: stages and indexes copy the texts they hand on, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from tests.corpus.test_content import counted, texts
from tests.indexes.test_dense_search import unit, vectors_of
from xret.indexes import build_index, check_index, delete_from_index, open_index
from xret.stages.distinct import Distinct
from xret.stages.margin import Candidates
from xret.stages.pairs import Side, pairs_table
from xret.stages.rerank import Rerank
from xret.stages.retrieve import Retrieve
from xret.stages.score import side_corpus

ROWS, BOUND = 2000, 2_000_000  # of 20 MB of text
X, Q = unit(ROWS, 1), unit(3, 2)
QUERIES = pa.table({"id": ["a", "b", "c"], "text": ["words"] * 3, "lang": ["en"] * 3})


@pytest.fixture(scope="module")
def corpus() -> pa.Table:
    return pa.table({"id": [f"d{row}" for row in range(ROWS)], "text": texts(), "lang": ["de"] * ROWS})


@pytest.fixture
def folder(corpus: pa.Table, tmp_path: Path) -> Path:
    build_index(tmp_path / "i", vectors_of(corpus, X), corpus=corpus)
    return tmp_path / "i"


@pytest.mark.parametrize("text", [False, True])
def test_retrieve(folder: Path, text: bool, tmp_path: Path) -> None:
    with counted() as pool:
        run = Retrieve(k=5, text=text).run(QUERIES, vectors_of(QUERIES, Q), folder, work=tmp_path)
    assert run.num_rows == 15 and ("text" in run.column_names) is text
    assert pool.max_memory() < (BOUND if text else 100_000)


def test_an_index_with_a_deleted_row(folder: Path) -> None:
    with counted() as pool:
        made = delete_from_index(folder, ["d7"])
        index = open_index(folder)
        assert made.languages == {"de": ROWS - 1} and index.corpus.num_rows == check_index(folder).rows == ROWS - 1
    assert index.corpus["id"].to_pylist() == [f"d{row}" for row in range(ROWS) if row != 7]
    assert pool.max_memory() < BOUND


def test_pairs(corpus: pa.Table) -> None:
    each = Distinct(np.arange(ROWS), np.arange(ROWS))
    side = Side(corpus, each, np.zeros(ROWS))
    src, tgt = np.array([1500, 3, 42]), np.array([7, 1999, 3])
    chosen = Candidates(src, tgt, score=np.array([1.0, 3.0, 2.0]), cosine=np.ones(3, np.float32))
    with counted() as pool:
        found = pairs_table(side, side, chosen)
    assert found["src_id"].to_pylist() == ["d3", "d42", "d1500"]
    assert [text.split()[0] for text in found["tgt_text"].to_pylist()] == ["99.19", "0.3", "0.7"]
    assert pool.max_memory() < BOUND


def test_the_distinct_sentences_of_given_pairs(corpus: pa.Table) -> None:
    few = pa.chunked_array([corpus["text"].chunk(number % 2) for number in range(100)])
    with counted() as pool:
        found = side_corpus(pa.table({"src_text": few}), "src")
    assert found["text"].to_pylist() == few[:40].to_pylist()
    assert pool.max_memory() < BOUND


class Ones:
    """An encoder to which all texts are alike."""

    recipe = SimpleNamespace(languages=None, max_similarity="sum", fade=0.0)

    def encode_tokens(self, texts: Sequence[str], *, role: str, lang: Any = None) -> list[npt.NDArray[np.float32]]:
        return [np.ones((1, 1), np.float32) for _ in texts]


def test_rerank(corpus: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: Any, **__: Any) -> Ones:
        return Ones()

    monkeypatch.setattr("xret.encoders.load_encoder", load, raising=False)
    run = pa.table({"qid": ["a", "a", "b"], "docid": ["d1999", "d3", "d3"], "score": [3.0, 2.0, 1.0]})
    with counted() as pool:
        found = Rerank(progress=False).run(run, QUERIES, corpus, work=tmp_path)
    assert found["docid"].to_pylist() == ["d3", "d1999", "d3"]
    assert pool.max_memory() < BOUND
