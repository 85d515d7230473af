"""Search against MaxSim by brute force: exact, swept, filtered, joined to documents, from candidates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.indexes.multivector.sets import agreement, collection, maxsim, queries
from xret.errors import InputError, MismatchError, UsageError
from xret.indexes.multivector.build import build_index
from xret.indexes.multivector.change import delete_from_index
from xret.indexes.multivector.codec import CodecName
from xret.indexes.multivector.naming import document_groups
from xret.indexes.multivector.opened import MultiVectorIndex, open_index
from xret.indexes.multivector.search import search_index
from xret.indexes.multivector.tokens import ArrayTokens
from xret.indexes.multivector.training import _agreement as agreed

SOURCE = collection(600)
QUERIES = queries(SOURCE)
TRUE = [maxsim(SOURCE, query) for query in QUERIES]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> MultiVectorIndex:
    folder = tmp_path_factory.mktemp("multivector") / "exact.index"
    build_index(folder, SOURCE, codec="exact", memory=1 << 16, threads=1)  # so little that there are several parts
    return open_index(folder)


def test_an_exact_search_gives_maxsim(index: MultiVectorIndex) -> None:
    assert len(index.segments) > 1
    for found, true in zip(search_index(index, QUERIES, k=600, exact=True), TRUE, strict=True):
        assert found.scored == len(found.rows) == 600
        assert np.abs(found.scores - true[found.rows]).max() < 0.15
        assert (np.diff(found.scores) <= 0).all()
        assert found.scores[-1] == -8  # a document without tokens is as far as can be


def test_the_sweep_finds_what_an_exact_search_finds(index: MultiVectorIndex) -> None:
    exact = search_index(index, QUERIES, k=20, exact=True)
    for threads in (1, 3):
        swept = search_index(index, QUERIES, k=20, probe=10**6, depth=500, threads=threads)
        for one, other in zip(exact, swept, strict=True):
            assert np.array_equal(one.rows, other.rows)
            assert np.allclose(one.scores, other.scores, atol=1e-5)
    few = search_index(index, QUERIES, k=10, probe=48, depth=150)
    assert all(each.scored == 150 for each in few)
    assert agreement([each.rows for each in few], TRUE, 10) > 0.85


def test_vectors_that_fade(tmp_path: Path) -> None:
    source = replace(SOURCE, fade=4.0)
    true = [maxsim(source, query) for query in QUERIES]
    assert agreement([np.argsort(-each) for each in TRUE], true, 10) < 0.7  # so it matters here
    build_index(tmp_path / "index", source, codec="exact", memory=1 << 16, threads=1)
    index = open_index(tmp_path / "index")
    assert index.manifest.fade == 4
    for found, scores in zip(search_index(index, QUERIES, k=600, exact=True), true, strict=True):
        assert np.abs(found.scores - scores[found.rows]).max() < 0.15
    swept = search_index(index, QUERIES, k=10, probe=48, depth=150)
    assert agreement([each.rows for each in swept], true, 10) > 0.85
    given = search_index(index, QUERIES, k=3, candidates=[np.array([3, 5, 599])] * len(QUERIES))
    for own, scores in zip(given, true, strict=True):
        assert np.abs(own.scores - scores[own.rows]).max() < 0.15


def test_filters_leave_the_best_of_what_is_left(index: MultiVectorIndex) -> None:
    ids = [f"d{number}" for number in range(0, 600, 2)] + ["not there"]
    allowed = np.arange(0, 600, 2)[np.arange(0, 600, 2) % 3 == 2]  # and of the language zh-Hant
    for depth in (20, 500):  # with the sweep, and where so few are left that all of them are scored
        found = search_index(index, QUERIES, k=5, probe=64, depth=depth, languages=["zh"], docids=ids)
        for own, true in zip(found, TRUE, strict=True):
            assert set(own.rows) <= set(allowed)
            assert own.scores[0] == pytest.approx(true[allowed].max(), abs=0.05)
    with pytest.raises(InputError, match="no rows in language 'fr'; it has de 200"):
        search_index(index, QUERIES, languages=["fr"])


def test_candidates_are_all_that_is_scored(index: MultiVectorIndex) -> None:
    given = [np.array([5, 3, 5, 599]) for _ in QUERIES]
    for own, true in zip(search_index(index, QUERIES, k=2, candidates=given), TRUE, strict=True):
        assert own.scored == 3
        assert own.rows.tolist() == [row for row in np.argsort(-true, kind="stable") if row in (3, 5, 599)][:2]


def test_of_a_document_the_best_passage_counts(index: MultiVectorIndex) -> None:
    groups, names = document_groups(index)
    assert len(names) == 150
    for own, true in zip(search_index(index, QUERIES, k=150, exact=True, groups=groups), TRUE, strict=True):
        assert len(own.rows) == len(set(groups[own.rows])) == 150
        best = true.reshape(150, 4).max(axis=1)
        assert np.abs(np.sort(best)[::-1] - own.scores).max() < 0.05


def test_the_sweep_finds_as_many_documents_as_are_asked_for(tmp_path: Path) -> None:
    """Passages of one document are alike, and many: depth counts documents."""
    source = collection(900, seed=4)
    rows = np.repeat(np.arange(0, 900, 30), 30)  # 30 documents, each in 30 copies of one passage
    copies = ArrayTokens(
        np.concatenate(source.read(rows)),
        np.concatenate([[0], np.cumsum(np.diff(source.starts)[rows])]),
        source.table.set_column(2, "doc_id", pa.array([f"D{row // 30}" for row in range(900)])),
    )
    build_index(tmp_path / "index", copies, codec="exact", threads=1)
    opened = open_index(tmp_path / "index")
    groups, _ = document_groups(opened)
    asked = queries(copies, 4)
    swept = search_index(opened, asked, k=10, probe=48, depth=12, groups=groups)
    exact = search_index(opened, asked, k=10, exact=True, groups=groups)
    for one, other in zip(swept, exact, strict=True):
        assert len(one.rows) == 10 and one.scored < 900
        assert len(set(groups[one.rows]) & set(groups[other.rows])) >= 9


@pytest.mark.parametrize("codec", ["4bit", "small", "exact"])
def test_scores_do_not_depend_on_company(codec: CodecName, tmp_path: Path) -> None:
    """To the last bit: copies tie, and whatever else is scored, left out or deleted changes no score."""
    rows = np.concatenate([np.arange(300), np.arange(0, 300, 3)])  # the last hundred are copies
    numbered = SOURCE.table.slice(0, 400)
    counts = np.diff(SOURCE.starts)[rows]
    copies = ArrayTokens(np.concatenate(SOURCE.read(rows)), np.concatenate([[0], np.cumsum(counts)]), numbered)
    build_index(tmp_path / "index", copies, codec=codec, threads=1)
    index = open_index(tmp_path / "index")
    scores = np.zeros((len(QUERIES), 400), np.float32)
    for own, found in zip(scores, search_index(index, QUERIES, k=400, exact=True), strict=True):
        own[found.rows] = found.scores
    assert np.array_equal(scores[:, 300:], scores[:, :300:3])
    rng = np.random.default_rng(0)
    for size in (1, 2, 7, 61, 255):
        given = [rng.choice(400, size, replace=False) for _ in QUERIES]
        for own, found in zip(scores, search_index(index, QUERIES, k=400, candidates=given), strict=True):
            assert np.array_equal(found.scores, own[found.rows]) and len(found.rows) == size
    delete_from_index(tmp_path / "index", [f"d{row}" for row in range(0, 400, 2)])
    for own, found in zip(scores, search_index(open_index(tmp_path / "index"), QUERIES, k=9, exact=True), strict=True):
        assert np.array_equal(found.scores, own[found.rows])


def test_ties_count_as_found() -> None:
    truth = np.array([[3, 2, 2, 2, 1]], np.float32)
    assert agreed(truth, np.array([[9, 1, 1, 8, 0]], np.float32), 2) == 1.0
    assert agreed(truth, np.array([[9, 1, 1, 2, 8]], np.float32), 2) == 0.5


def test_a_passage_without_a_document_is_one_itself(tmp_path: Path) -> None:
    named = pa.array(["" if row % 2 else None if row % 4 else "D" for row in range(600)])
    build_index(tmp_path / "index", replace(SOURCE, table=SOURCE.table.set_column(2, "doc_id", named)), threads=1)
    assert len(document_groups(open_index(tmp_path / "index"))[1]) == 451


def test_the_mean_of_maxsim(tmp_path: Path) -> None:
    build_index(tmp_path / "mean", replace(SOURCE, similarity="mean"), codec="exact", threads=1)
    found = search_index(open_index(tmp_path / "mean"), QUERIES, k=1, exact=True)
    for own, true, query in zip(found, TRUE, QUERIES, strict=True):
        assert own.scores[0] == pytest.approx(true.max() / len(query), abs=0.02)


def test_queries_without_tokens_and_wrong_questions(index: MultiVectorIndex) -> None:
    empty = np.empty((0, 24), np.float32)
    for options in ({}, {"exact": True}, {"candidates": [np.array([1])] * 2}):
        found = search_index(index, [empty, QUERIES[0]], k=3, **options)
        assert len(found[0].rows) == 0 < len(found[1].rows)
    with pytest.raises(MismatchError, match="24 dimensions, the queries are of shape"):
        search_index(index, [np.ones((2, 8), np.float32)])
    with pytest.raises(UsageError, match="k is 0"):
        search_index(index, QUERIES, k=0)
    with pytest.raises(UsageError, match="probe is for the sweep"):
        search_index(index, QUERIES, exact=True, probe=3)
