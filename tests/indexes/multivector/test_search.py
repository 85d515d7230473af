"""Search against MaxSim by brute force: exact, swept, filtered, joined to documents, from candidates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.indexes.multivector.sets import agreement, collection, maxsim, queries
from xret.errors import InputError, MismatchError, UsageError
from xret.indexes.multivector.build import build_index
from xret.indexes.multivector.maxsim import Question, score_some
from xret.indexes.multivector.naming import document_groups
from xret.indexes.multivector.opened import MultiVectorIndex, open_index
from xret.indexes.multivector.search import search_index

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


def test_scores_do_not_depend_on_company(index: MultiVectorIndex) -> None:
    question = Question.of(QUERIES[0], index.coder)
    segment = index.segments[0]
    together = score_some(segment, index.coder, question, np.arange(segment.rows))
    alone = [score_some(segment, index.coder, question, np.array([row]))[0] for row in range(0, segment.rows, 7)]
    assert np.allclose(together[::7], alone, atol=1e-5)


def test_the_mean_of_maxsim(tmp_path: Path) -> None:
    from dataclasses import replace

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
