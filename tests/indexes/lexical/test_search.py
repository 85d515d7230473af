"""Searches give what BM25 by hand gives, in the order of runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.indexes.lexical.corpora import bm25_by_hand, queries_of, texts_of
from xret.errors import InputError, MismatchError, UsageError
from xret.indexes.kinds import verbs, verbs_of
from xret.indexes.lexical.analyzers import analyzer_for
from xret.indexes.lexical.build import build_index
from xret.indexes.lexical.opened import LexicalIndex, open_index
from xret.indexes.lexical.scoring import BM25
from xret.indexes.lexical.search import search_index
from xret.runs import ordered

CORPUS, QUERIES = texts_of(300), queries_of(25)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> LexicalIndex:
    folder = tmp_path_factory.mktemp("lexical") / "index"
    build_index(folder, CORPUS)
    return open_index(folder)


def scores(run: pa.Table, qid: str) -> dict[str, float]:
    own = run.filter(pc.equal(run["qid"], qid))
    return dict(zip(own["docid"].to_pylist(), own["score"].to_pylist(), strict=True))


@pytest.mark.parametrize(("k1", "b"), [(0.9, 0.4), (1.2, 0.75), (0.0, 0.0), (2.0, 1.0)])
def test_all_scores_are_those_of_bm25_by_hand(index: LexicalIndex, k1: float, b: float) -> None:
    run = search_index(index, QUERIES, k=1000, bm25=BM25(k1, b))
    for qid, text in zip(QUERIES["id"].to_pylist(), QUERIES["text"].to_pylist(), strict=True):
        assert scores(run, qid) == pytest.approx(bm25_by_hand(CORPUS, text, k1=k1, b=b), rel=1e-9)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.text(alphabet="ab cdé", min_size=1, max_size=12), min_size=1, max_size=8), st.text("ab cdé", max_size=9)
)
def test_any_small_corpus_scores_as_by_hand(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], query: str
) -> None:
    corpus = pa.table({"id": [str(row) for row in range(len(texts))], "text": texts, "lang": ["sw"] * len(texts)})
    folder = tmp_path_factory.mktemp("small") / "index"
    build_index(folder, corpus)
    queries = pa.table({"id": ["q"], "text": [query], "lang": ["en"]})
    found = scores(search_index(open_index(folder), queries, k=99), "q")
    assert found == pytest.approx(bm25_by_hand(corpus, query), rel=1e-9)


def test_one_language_scores_as_bm25s_does(tmp_path: Path) -> None:
    bm25s = pytest.importorskip("bm25s", reason="bm25s, the oracle, is not installed")
    corpus, queries = texts_of(200, languages=["de"]), queries_of(10)
    corpus = corpus.filter(pc.match_substring_regex(corpus["text"], "[a-z]"))  # it counts documents without a word too
    build_index(tmp_path / "i", corpus)
    analyze = analyzer_for("de")
    oracle = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
    oracle.index([analyze.terms(text) for text in corpus["text"].to_pylist()], show_progress=False)
    run = search_index(open_index(tmp_path / "i"), queries, k=1000)
    for qid, text in zip(queries["id"].to_pylist(), queries["text"].to_pylist(), strict=True):
        wanted = oracle.get_scores(list(analyze.weighed(text)))  # every word of these queries stands there once
        weights = set(analyze.weighed(text).values())
        if weights == {1.0}:
            assert scores(run, qid) == pytest.approx(
                {id: float(score) for id, score in zip(corpus["id"].to_pylist(), wanted, strict=True) if score > 0},
                rel=1e-5,
            )


def test_runs_are_in_the_order_of_runs_and_the_first_k_of_longer_ones(index: LexicalIndex) -> None:
    everything = search_index(index, QUERIES, k=1000)
    assert everything.equals(ordered(everything))
    assert everything.column_names == ["qid", "docid", "score", "rank", "qlang", "dlang"]
    for k in (1, 3, 10):
        short = search_index(index, QUERIES, k=k)
        assert short.equals(everything.filter(pc.less_equal(everything["rank"], k)).combine_chunks())
    assert pc.unique(everything["qid"]).to_pylist() == QUERIES["id"].to_pylist()


def test_filters_choose_and_change_no_score(index: LexicalIndex) -> None:
    everything = search_index(index, QUERIES, k=1000)
    german = search_index(index, QUERIES, k=1000, languages=["de"])
    wanted = everything.filter(pc.equal(everything["dlang"], "de"))
    assert (
        ordered(german)
        .select(["qid", "docid", "score"])
        .equals(wanted.select(["qid", "docid", "score"]).combine_chunks())
    )
    ids = CORPUS["id"].to_pylist()[::7]
    some = search_index(index, QUERIES, k=1000, docids=[*ids, "nobody"])
    wanted = everything.filter(pc.is_in(everything["docid"], value_set=pa.array(ids)))
    assert some.select(["qid", "docid", "score"]).equals(wanted.select(["qid", "docid", "score"]).combine_chunks())
    given_run = everything.filter(pc.equal(pc.bit_wise_and(everything["rank"], 1), 0))
    again = search_index(index, QUERIES, k=1000, candidates=given_run)
    assert again.select(["qid", "docid", "score"]).equals(given_run.select(["qid", "docid", "score"]).combine_chunks())


def test_what_is_asked_wrongly(index: LexicalIndex) -> None:
    with pytest.raises(UsageError, match="k is 0"):
        search_index(index, QUERIES, k=0)
    with pytest.raises(UsageError, match="b from 0 to 1"):
        BM25(b=1.5)
    with pytest.raises(InputError, match="no rows in language 'fr'; it has de"):
        search_index(index, QUERIES, k=1, languages=["fr"])
    other = pa.table({"qid": ["x"], "docid": ["d1"], "score": [1.0]})
    with pytest.raises(MismatchError, match="candidates are of none of the queries"):
        search_index(index, QUERIES, k=1, candidates=other)
    unknown = pa.table({"qid": QUERIES["id"].slice(0, 1), "docid": ["nobody"]})
    with pytest.raises(InputError, match="holds none of the candidates"):
        search_index(index, QUERIES, k=1, candidates=unknown)
    assert search_index(index, QUERIES.slice(0, 0), k=5).num_rows == 0
    nothing = pa.table({"id": ["q"], "text": ["…"], "lang": ["und"]})
    assert search_index(index, nothing, k=5).num_rows == 0


def test_the_verbs_of_a_kind(index: LexicalIndex, tmp_path: Path) -> None:
    kind = verbs("lexical")
    made = kind.build(tmp_path / "i", CORPUS, threads=None, device="auto", encoder=None, text=True, progress=False)
    assert (made["rows"], made["kind"]) == (300, "lexical")
    assert verbs_of(tmp_path / "i") is kind
    opened = kind.open_index(tmp_path / "i")
    run = kind.search(opened, QUERIES, k=5, text=True, threads=2, encoder=None, device="auto", k1=1.2, b=None)
    assert run.equals(search_index(index, QUERIES, k=5, text=True, bm25=BM25(k1=1.2)))
    texts = dict(zip(CORPUS["id"].to_pylist(), CORPUS["text"].to_pylist(), strict=True))
    assert run["text"].to_pylist() == [texts[id] for id in run["docid"].to_pylist()]
    assert dict(kind.info(tmp_path / "i"))["rows"] == "300"
    assert kind.check(tmp_path / "i")["rows"] == 300
    with pytest.raises(UsageError, match="'exact' is no option of a lexical index"):
        kind.search(opened, QUERIES, k=5, exact=True)
    with pytest.raises(InputError, match="write it like und=words"):
        kind.build(tmp_path / "j", CORPUS, analyzers=["de"])
    assert np.isfinite(run["score"].to_numpy()).all()
