"""The stages `index` and `retrieve` with token vectors: no vectors of texts needed, candidates from another run."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from tests.cli.test_search import DOCS, toy_encoder
from xret.errors import UsageError
from xret.stages.index import Index
from xret.stages.retrieve import Retrieve

CORPUS = pa.table({"id": [d[0] for d in DOCS], "text": [d[2] for d in DOCS], "lang": [d[1] for d in DOCS]})
QUERIES = pa.table({"id": ["q"], "text": ["hund fluss"], "lang": ["de"]})


def test_token_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XRET_CACHE", str(tmp_path / "cache"))
    encoder = str(toy_encoder(tmp_path / "toy"))
    index = Index(kind="multivector", encoder=encoder, threads=1)
    folder = index.run(CORPUS, None, work=tmp_path)
    assert index.run(CORPUS, None, work=tmp_path) == folder  # not built twice
    run = Retrieve(k=3, tag="t", text=True, threads=1).run(QUERIES, None, folder, work=tmp_path)
    assert run.column_names == ["qid", "docid", "score", "rank", "tag", "qlang", "dlang", "text"]
    assert run["docid"][0].as_py() == "de2" and run["rank"].to_pylist() == [1, 2, 3]
    again = run.slice(1)
    few = Retrieve(k=3, exact=False, threads=1).run(QUERIES, None, folder, again, work=tmp_path)
    assert few["docid"].to_pylist() == again["docid"].to_pylist()
    assert few["score"].to_pylist() == pytest.approx(again["score"].to_pylist(), abs=1e-5)
    assert Retrieve(encoder=encoder).key() == Retrieve().key() != Retrieve(exact=True).key()
    other = str(toy_encoder(tmp_path / "other", seed=1))
    assert Index(kind="multivector", encoder=other).key() != index.key()
    assert Index(encoder=other).key() == Index().key()  # the vectors say what made them


def test_a_dense_index_wants_vectors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a dense index is made of vectors; put the stage 'encode' before it"):
        Index().run(CORPUS, None, work=tmp_path)
