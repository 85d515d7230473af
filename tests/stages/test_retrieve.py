"""Index and Retrieve as stages: tables in, a run out, like trec_eval orders it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.indexes.test_dense_search import brute, corpus_of, unit
from xret.errors import MismatchError, UsageError
from xret.runs import ordered
from xret.stages.index import Index
from xret.stages.retrieve import Retrieve

CORPUS, X, Q = corpus_of(300), unit(300, 1), unit(5, 2)
QUERIES = pa.table({"id": [f"q{n}" for n in range(5)], "text": ["words"] * 5, "lang": ["en"] * 5})


def vectors(table: pa.Table, x: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> pa.Table:
    return pa.table({"id": table["id"], "vector": pa.FixedSizeListArray.from_arrays(x.ravel(), x.shape[1])})


def test_the_run_of_an_index(tmp_path: Path) -> None:
    folder = Index().run(CORPUS, vectors(CORPUS, X), work=tmp_path)
    assert Index().run(CORPUS, vectors(CORPUS, X), work=tmp_path) == folder  # there already
    run = Retrieve(k=20, languages=("fr", "zh"), text=True, tag="mine").run(
        QUERIES, vectors(QUERIES, Q), folder, work=tmp_path
    )
    assert run.column_names == ["qid", "docid", "score", "rank", "tag", "qlang", "dlang", "text"]
    assert run.schema.field("score").type == pa.float64() and run.schema.field("rank").type == pa.int32()
    keep = np.isin(CORPUS["lang"].to_pylist(), ["fr", "zh-Hant"])
    ids, scores = brute(CORPUS, X, Q, 20, keep)
    assert run["docid"].to_pylist() == [name for line in ids for name in line]
    assert np.allclose(run["score"].to_numpy(), scores.ravel(), atol=1e-6)
    assert run.equals(ordered(run))
    assert set(run["dlang"].to_pylist()) == {"fr", "zh-Hant"} and set(run["qlang"].to_pylist()) == {"en"}
    assert run["text"].to_pylist() == [f"text {name[1:]}" for name in run["docid"].to_pylist()]
    bare = Retrieve(k=20, languages=("fr", "zh"), tag="mine").run(QUERIES, vectors(QUERIES, Q), folder, work=tmp_path)
    assert bare.equals(run.drop_columns(["text"]))


def test_vectors_of_other_queries_are_refused(tmp_path: Path) -> None:
    folder = Index(text=False, factory="IVF4,Flat").run(CORPUS, vectors(CORPUS, X), work=tmp_path)
    other = QUERIES.set_column(0, "id", pa.array(["x", "q1", "q2", "q3", "q4"]))
    with pytest.raises(MismatchError, match="5 query vectors are not those of the 5 queries"):
        Retrieve().run(QUERIES, vectors(other, Q), folder, work=tmp_path)
    with pytest.raises(UsageError, match="k is 0"):
        Retrieve(k=0)


def test_threads_are_no_part_of_the_key() -> None:
    assert Index(threads=1).key() == Index().key() != Index(seed=1).key()
    assert Retrieve(threads=1).key() == Retrieve().key() != Retrieve(languages=("de",)).key()
