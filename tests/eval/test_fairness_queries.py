"""Fairness to languages of queries: MRC, preference for the query's language, and what stands first."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.eval.test_measures import qrels_table, run_table
from xret.eval.fairness import find, meanings, study
from xret.eval.fairness.correlation import rank_correlation
from xret.eval.fairness.preference import FIRST, first_documents, language_preference
from xret.eval.topics import topics_of

KNOWN = pa.table({"docid": [f"{lang}{n}" for lang in ("de", "en") for n in range(5)], "lang": ["de"] * 5 + ["en"] * 5})
SPOKEN = {"a": "de", "b": "en", "c": "fr", "d": "de"}


def spearman(first: list[str], second: list[str]) -> float:
    """Of the union, by places: what a list lacks shares the mean of the places behind its last."""
    union = sorted({*first, *second})
    if len(union) < 2 or not first or not second:
        return math.nan
    places = []
    for one in (first, second):
        behind = len(one) + (len(union) - len(one) + 1) / 2
        places.append([one.index(docid) + 1 if docid in one else behind for docid in union])
    return float(scipy.stats.spearmanr(*places).statistic)


lists = st.lists(st.sampled_from("stuvwxyz"), unique=True, min_size=1, max_size=6)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(st.sampled_from("abcd"), lists, min_size=1), st.integers(1, 5))
def test_mrc_is_the_mean_of_spearmans(hits: dict[str, list[str]], cutoff: int) -> None:
    run = run_table({qid: {docid: -float(rank) for rank, docid in enumerate(those)} for qid, those in hits.items()})
    found = rank_correlation(run, dict.fromkeys("abcd", "t"), SPOKEN, cutoff)
    each: dict[str, list[float]] = {}
    for one, other in itertools.permutations(sorted(hits), 2):
        if SPOKEN[one] != SPOKEN[other]:
            each.setdefault(SPOKEN[one], []).append(spearman(hits[one][:cutoff], hits[other][:cutoff]))
    wanted = {lang: np.nanmean(rho) for lang, rho in each.items() if not np.isnan(rho).all()}
    table = dict(zip(*(found.languages[name].to_pylist() for name in ("lang", f"MRC@{cutoff}")), strict=True))
    assert table == pytest.approx(wanted)
    assert found.mean == pytest.approx(np.mean(list(wanted.values())) if wanted else math.nan, nan_ok=True)
    assert found.topics == bool(wanted)


def test_mrc_by_hand() -> None:
    """The same two documents the other way round: -1. One in common of two: places 1 2 3 and 1 3 2, so 1/2."""
    run = run_table({"a": {"x": 2.0, "y": 1.0}, "b": {"y": 2.0, "x": 1.0}})
    assert rank_correlation(run, {"a": "t", "b": "t"}, SPOKEN, 20).mean == pytest.approx(-1)
    run = run_table({"a": {"x": 2.0, "y": 1.0}, "b": {"x": 2.0, "z": 1.0}})
    found = rank_correlation(run, {"a": "t", "b": "t"}, SPOKEN, 20)
    assert found.mean == pytest.approx(0.5) and found.topics == 1
    assert math.isnan(rank_correlation(run, {"a": "t", "b": "u"}, SPOKEN, 20).mean), "no topic in two languages"
    assert math.isnan(rank_correlation(run, {"a": "t", "b": "t"}, SPOKEN, 1).mean), "one document says nothing"


def test_what_stands_first() -> None:
    run = run_table(
        {"a": {"de0": 2.0, "en0": 1.0}, "b": {"de0": 2.0, "en0": 1.0}, "c": {"de0": 1.0}, "d": {"en3": 2.0, "de4": 1.0}}
    )
    both = {"de0": 1, "en0": 1}
    found = find(run, qrels_table({"a": both, "b": both, "c": both, "d": both}), KNOWN, query_languages=SPOKEN)
    assert language_preference(found).tolist() == pytest.approx([1, 0, math.nan, math.nan], nan_ok=True)
    first = first_documents(found)
    assert [FIRST[int(row.argmax())] if row[0] == row[0] else "" for row in first] == [
        "relevant, own language", "relevant, other language", "", "other, other language",
    ]  # fmt: skip


def test_study_leaves_undefined_what_is() -> None:
    run = run_table({"a": {"de0": 2.0, "en0": 1.0}, "b": {"de0": 2.0, "en0": 1.0}})
    qrels = qrels_table({"a": {"de0": 1, "en0": 1}, "b": {"de0": 1, "en0": 1}})
    found = study(run, qrels, KNOWN, query_languages=SPOKEN, topics=topics_of(qrels), cutoff=5)
    assert math.isnan(found.measures["PEER@5"]) and found.defined["PEER@5"] == 0, "one document a language"
    assert (found.measures["LPR"], found.measures["MRC@5"], found.measures["alpha-nDCG@5"]) == pytest.approx(
        (0.5, 1, 1)
    )
    assert found.topics == "queries that share a relevant document" and found.query_languages["lang"].to_pylist() == [
        "de",
        "en",
    ]
    assert set(found.measures) == set(meanings(5, 100))
    plain = study(run, qrels, KNOWN, cutoff=5)
    assert [math.isnan(plain.measures[name]) for name in ("LPR", "own-first", "MRC@5")] == [True] * 3
    assert all(map(math.isnan, plain.first.values())) and plain.topics is None
    queries = pa.table({"id": ["a", "b"], "doc_id": [7, None]})
    assert topics_of(qrels, queries) == ({"a": "7"}, "by column 'doc_id' of the queries")
