"""Scores that an engine shares out: those of one process, to the last bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.encoders.crossencoders.conftest import classifier  # noqa: F401  # a fixture
from tests.engines.conftest import WORDS, corpus
from xret.engines import Engine, use_engine
from xret.stages.rerank import Rerank

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def run_of(queries: pa.Table, docs: pa.Table, depth: int) -> pa.Table:
    """For every query some of the documents."""
    rng = np.random.default_rng(5)
    rows = [(q, d) for q in queries["id"].to_pylist() for d in rng.choice(docs["id"].to_pylist(), depth, False)]
    qid, docid = map(list, zip(*rows, strict=True))
    rank = [place % depth + 1 for place in range(len(rows))]
    score = [-float(place) for place in rank]
    return pa.table({"qid": qid, "docid": docid, "score": score, "rank": pa.array(rank, pa.int32())})


def long_documents(rows: int, words: int) -> pa.Table:
    """So long that they are encoded in several portions."""
    rng = np.random.default_rng(7)
    texts = [" ".join(rng.choice(WORDS, words)) + f" {row}" for row in range(rows)]
    return pa.table({"id": [f"d{row}" for row in range(rows)], "text": texts, "lang": ["en"] * rows})


@pytest.mark.parametrize("model", ["light", "maxsim"])
def test_vectors_compared(model: str, engine: Engine, tmp_path: Path) -> None:
    queries, docs = corpus(40), long_documents(450, 120)
    stage, run = Rerank(model=model, device="cpu", threads=1, progress=False), run_of(queries, docs, 25)
    found = stage.run(run, queries, docs, work=tmp_path)
    assert engine.executed == 2
    with use_engine(None):
        assert found.equals(stage.run(run, queries, docs, work=tmp_path))


def test_texts_read_together(classifier: Any, engine: Engine, tmp_path: Path) -> None:  # noqa: F811
    queries, docs = corpus(60), long_documents(300, 6)
    stage = Rerank(model=str(classifier("bert")), device="cpu", threads=1, progress=False)
    run = run_of(queries, docs, 80)
    found = stage.run(run, queries, docs, work=tmp_path)
    assert engine.executed == 2, "of 4,800 pairs in windows of 2,048"
    with use_engine(None):
        assert found.equals(stage.run(run, queries, docs, work=tmp_path))
