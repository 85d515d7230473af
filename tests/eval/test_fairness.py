"""Measures of language fairness against their definitions, on random runs and on runs that can be told at a glance."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.errors import EvalError, UsageError
from xret.eval.fairness import fairness, find
from xret.eval.fairness.chi2 import chi2_tail
from xret.eval.fairness.exposure import awrf
from xret.eval.fairness.parallel import concordance, own_first, rank_distance, standing
from xret.eval.fairness.peer import peer

stats = pytest.importorskip("scipy.stats")
LANGUAGES = ("de", "en", "zh")
DOCUMENTS = {f"{lang}{n}": lang for lang in LANGUAGES for n in range(4)}
KNOWN = pa.table({"docid": list(DOCUMENTS), "lang": list(DOCUMENTS.values())})


def run_of(*lists: list[str]) -> pa.Table:
    """Queries q0, q1, …, documents best first."""
    rows = [(f"q{n}", docid, -float(place)) for n, ids in enumerate(lists) for place, docid in enumerate(ids)]
    return pa.table(dict(zip(("qid", "docid", "score"), map(list, zip(*rows, strict=True)), strict=True)))


def qrels_of(*relevant: dict[str, int]) -> pa.Table:
    rows = [(f"q{n}", docid, level) for n, judged in enumerate(relevant) for docid, level in judged.items()]
    return pa.table(dict(zip(("qid", "docid", "relevance"), map(list, zip(*rows, strict=True)), strict=True)))


@pytest.mark.parametrize("freedom", [1, 2, 3, 10, 26, 51])
def test_the_tail(freedom: int) -> None:
    for x in (0.0, 1e-9, 0.3, freedom / 2, float(freedom), 3.0 * freedom, 400.0):
        assert chi2_tail(x, freedom) == pytest.approx(float(stats.chi2.sf(x, freedom)), rel=1e-9, abs=1e-300)


@settings(max_examples=80, deadline=None)
@given(
    st.permutations(list(DOCUMENTS)),
    st.integers(1, 12),
    st.integers(1, 14),
    st.dictionaries(st.sampled_from(list(DOCUMENTS)), st.integers(0, 2), min_size=1).filter(
        lambda judged: any(judged.values())
    ),
)
def test_peer(ids: list[str], retrieved: int, cutoff: int, judged: dict[str, int]) -> None:
    found = find(run_of(ids[:retrieved]), qrels_of(judged), KNOWN)
    parts = []
    for level in (1, 2):
        good = [docid for docid in judged if judged[docid] == level]
        last = min(retrieved, cutoff)
        late = [docid for docid in good if docid not in ids[:last]]
        place = {docid: ids.index(docid) + 1.0 if docid not in late else last + (len(late) + 1) / 2 for docid in good}
        groups = defaultdict(list)
        for docid in good:
            groups[DOCUMENTS[docid]].append(place[docid])
        if len(groups) < 2 or len(good) == len(groups):
            continue
        mean = np.mean(list(place.values()))
        total = sum((each - mean) ** 2 for each in place.values())
        between = sum(len(each) * (np.mean(each) - mean) ** 2 for each in groups.values())
        h = (len(good) - 1) * between / total if total > 1e-12 else 0.0
        parts.append(float(stats.chi2.sf(h, len(groups) - 1)))
    assert peer(found, cutoff)[0] == pytest.approx(np.mean(parts) if parts else math.nan, nan_ok=True, abs=1e-12)


def test_peer_is_kruskal_and_wallis_where_all_is_retrieved() -> None:
    ids = ["de0", "en0", "de1", "zh0", "en1", "zh1", "de2", "en2", "zh2"]
    found = find(run_of(ids), qrels_of(dict.fromkeys(ids, 1)), KNOWN)
    groups = [[ids.index(docid) + 1 for docid in ids if docid.startswith(lang)] for lang in LANGUAGES]
    assert peer(found, 9)[0] == pytest.approx(float(stats.kruskal(*groups).pvalue))


def test_peer_says_nothing_of_one_document_a_language() -> None:
    """Kruskal and Wallis' H is then the same for every ranking: a number would tell nothing."""
    found = find(run_of(["de0", "en0", "zh0"]), qrels_of({"de0": 1, "en0": 1, "zh0": 1}), KNOWN)
    assert np.isnan(peer(found, 20)).all()
    mixed = qrels_of({"de0": 1, "en0": 1, "zh0": 1, "de1": 3, "de2": 3, "en1": 3})
    found = find(run_of(["de1", "en1", "de2", "zh0", "en0", "de0"]), mixed, KNOWN)
    assert peer(found, 20)[0] == peer(found, 20, weights={1: 5, 3: 1})[0] == pytest.approx(1.0)
    behind = find(run_of(["de1", "zh1", "zh2"]), qrels_of({"de1": 1, "de2": 1, "en1": 1, "en2": 1}), KNOWN)
    assert behind.places().tolist() == [1, 5, 5, 5]  # the three not retrieved share the places 4 to 6


def test_awrf() -> None:
    half = qrels_of({"de0": 1, "en0": 1})
    even = awrf(find(run_of(["de0", "en0"]), half, KNOWN), 2)[0]
    share = np.array([1, 1 / math.log2(3)]) / (1 + 1 / math.log2(3))
    middle = (share + 0.5) / 2
    divergence = (share @ np.log2(share / middle) + 0.5 * np.log2(0.5 / middle).sum()) / 2
    assert even == pytest.approx(1 - divergence)
    assert awrf(find(run_of(["zh0", "zh1"]), half, KNOWN), 2)[0] == pytest.approx(0), "no attention where it is due"
    one = awrf(find(run_of(["de3", "en3"], ["de0"]), qrels_of({"de0": 1}, {"de0": 0}), KNOWN), 1)
    assert one[0] == pytest.approx(1) and math.isnan(one[1]), "q1 has nothing relevant"
    assert awrf(find(run_of(["de0"]), qrels_of({"de0": 1}, {"de1": 1}), KNOWN), 5).tolist() == [1, 0], "q1 has no hits"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.permutations(LANGUAGES), min_size=1, max_size=6))
def test_concordance_is_kendalls(orders: list[tuple[str, ...]]) -> None:
    runs = run_of(*[[f"{lang}0" for lang in order] for order in orders])
    found = find(runs, qrels_of(*[dict.fromkeys(("de0", "en0", "zh0"), 1)] * len(orders)), KNOWN)
    sums = np.array([sum(order.index(lang) + 1 for order in orders) for lang in LANGUAGES])
    kendall = 12 * ((sums - sums.mean()) ** 2).sum() / (len(orders) ** 2 * (3**3 - 3))
    assert concordance(standing(found)) == pytest.approx(kendall)


def test_parallel_documents() -> None:
    runs = run_of(["en0", "de0", "de1", "zh0"], ["zh0"], ["de1", "de0"])
    qrels = qrels_of({"de0": 1, "en0": 1, "zh0": 1}, {"de0": 1, "en0": 1, "zh0": 1}, {"de0": 1})
    found = find(runs, qrels, KNOWN, query_languages={"q0": "de", "q1": "en", "q2": "de", "q3": "fr"})
    places = standing(found)
    assert np.array_equal(places, [[0.5, 0, 1], [0.75, 0.75, 0], [np.nan] * 3], equal_nan=True)
    assert np.array_equal(own_first(found, places), [0.5, 0.25, np.nan], equal_nan=True)
    assert np.array_equal(rank_distance(found), [3, 1, np.nan], equal_nan=True)
    scores = fairness(runs, qrels, KNOWN, query_languages={"q0": "de"}, recall=2)
    assert scores.defined == {
        "PEER@20": 0,
        "AWRF@20": 3,
        "own-first": 1,
        "distance": 2,
        "W": 2,
        "worst R@2": 3,
        "least share": 3,
    }
    assert math.isnan(scores.measures["PEER@20"]) and scores.measures["distance"] == 2
    table = scores.languages.to_pydict()
    ratio = [given / due for given, due in zip(table["attention"], table["due"], strict=True)]
    assert scores.measures["least share"] == min(ratio) < 1 and sum(table["due"]) == pytest.approx(1)
    assert scores.languages.select(["lang", "queries", "R@2"]).to_pylist() == [
        {"lang": "de", "queries": 3, "R@2": 2 / 3},
        {"lang": "en", "queries": 2, "R@2": 0.5},
        {"lang": "zh", "queries": 2, "R@2": 0.5},
    ]


def test_refused() -> None:
    run, qrels = run_of(["de0"]), qrels_of({"de0": 1, "fr0": 1, "fr1": 1})
    with pytest.raises(EvalError, match=r"relevant document 'fr0' is not known \(2 of 3 such\); give the corpus"):
        find(run, qrels, KNOWN)
    with pytest.raises(EvalError, match="no document is relevant"):
        find(run, qrels_of({"de0": 0}), KNOWN)
    with pytest.raises(EvalError, match="share no query"):
        find(run, qrels_of({}, {"de0": 1}), KNOWN)
    found = find(run, qrels_of({"de0": 1}), KNOWN)
    with pytest.raises(UsageError, match="cutoff is 0"):
        peer(found, 0)
    with pytest.raises(UsageError, match="weights of PEER"):
        peer(found, 1, weights={1: 0})
