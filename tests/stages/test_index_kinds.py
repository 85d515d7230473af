"""The stages `index` and `retrieve` with token vectors: no vectors of texts needed, candidates from another run."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from tests.cli.test_search import DOCS, toy_encoder
from xret.errors import UsageError
from xret.indexes.lexical.lexicons import estimate_lexicon, write_lexicon
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


def test_words_with_all_that_the_command_line_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("Stemmer")
    corpus = pa.table({"id": ["a", "b"], "text": ["dogs and cats", "a boat"], "lang": ["en", "und"]})
    folder = Index(kind="lexical", analyzers=("und=words",)).run(corpus, None, work=tmp_path)
    pairs = pa.table({"src_text": ["hund"] * 4 + ["boot"] * 4, "tgt_text": ["dog"] * 4 + ["boat"] * 4})
    write_lexicon(tmp_path / "l.parquet", estimate_lexicon(pairs, ("de", "en")))
    query = pa.table({"id": ["q"], "text": ["hund"], "lang": ["de"]})
    stage = Retrieve(k=3, k1=1.2, b=0.0, lexicon=(str(tmp_path / "l.parquet"),))
    assert stage.run(query, None, folder, work=tmp_path)["docid"].to_pylist() == ["a"]
    assert Retrieve(k=3, k1=1.2, b=0.0).run(query, None, folder, work=tmp_path).num_rows == 0
    before = stage.key()
    write_lexicon(tmp_path / "l.parquet", estimate_lexicon(pairs.slice(4), ("de", "en")))
    assert stage.key() != before
    with pytest.raises(UsageError, match="'exact' of the stage 'retrieve' is for multivector ones"):
        Retrieve(exact=True).run(query, None, folder, work=tmp_path)
    with pytest.raises(UsageError, match="'codec' of the stage 'index' is for multivector indexes, not lexical"):
        Index(kind="lexical", codec="2bit")
    with pytest.raises(UsageError, match="'analyzers' of the stage 'index' is for lexical indexes, not dense"):
        Index(analyzers=("und=words",))
