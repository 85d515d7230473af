"""Measures against trec_eval's published values, pytrec_eval as an oracle, and plain loops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import pyarrow as pa
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.errors import EvalError, UsageError
from xret.eval.measures import MEASURES, Measure, parse_measure
from xret.eval.scores import score_run
from xret.runs import read_qrels, read_run

TREC = Path(__file__).parent / "trec_eval"

# spelling -> trec_eval's name, and its name in pytrec_eval's results
ORACLE = {
    "nDCG": ("ndcg", "ndcg"),
    "nDCG@3": ("ndcg_cut.3", "ndcg_cut_3"),
    "AP": ("map", "map"),
    "AP@3": ("map_cut.3", "map_cut_3"),
    "R@3": ("recall.3", "recall_3"),
    "RR": ("recip_rank", "recip_rank"),
    "P@3": ("P.3", "P_3"),
    "Success@3": ("success.3", "success_3"),
    "Rprec": ("Rprec", "Rprec"),
}

Nested = dict[str, dict[str, float]]


def run_table(run: Nested) -> pa.Table:
    rows = [(qid, docid, float(score)) for qid, hits in run.items() for docid, score in hits.items()]
    return pa.table(
        {name: list(column) for name, column in zip(("qid", "docid", "score"), zip(*rows, strict=True), strict=True)}
    )


def qrels_table(qrels: dict[str, dict[str, int]]) -> pa.Table:
    rows = [(qid, docid, relevance) for qid, known in qrels.items() for docid, relevance in known.items()]
    qid, docid, relevance = zip(*rows, strict=True)
    return pa.table({"qid": list(qid), "docid": list(docid), "relevance": pa.array(relevance, pa.int32())})


def test_published_values_of_trec_eval() -> None:
    """`test/out.test` of trec_eval and, beyond it, what its binary prints for the same files."""
    run, qrels = read_run(TREC / "results.test.gz"), read_qrels(TREC / "qrels.test.gz")
    published = {
        "AP": 0.1785,
        "Rprec": 0.2174,
        "RR": 0.4064,
        "P@5": 0.2667,
        "P@10": 0.3000,
        "P@20": 0.3667,
        "P@100": 0.2467,
        "P@1000": 0.0437,
        "R@100": 0.4980,
        "nDCG": 0.4021,
        "nDCG@20": 0.3525,
    }
    means = score_run(run, qrels, list(published)).means()
    assert {name: round(value, 4) for name, value in means.items()} == published


documents = st.sampled_from(["d1", "d10", "d2", "D", "é", "z", "日本", "d\U0001f600", "\ue000", "a-very-long-name"])
# Scores that only a float64 tells apart, zeros of both signs, huge and tiny ones: trec_eval compares float32.
scores = st.sampled_from(
    [0.0, -0.0, 1.0, 1.0 + 1e-9, 1.0 - 1e-9, 0.1 + 0.2, 0.3, 16777216.0, 16777217.0, -5.5, 1e-46, 1e30]
)
runs = st.dictionaries(st.sampled_from("abcde"), st.dictionaries(documents, scores, min_size=1), min_size=1)
judgements = st.dictionaries(
    st.sampled_from("abcdef"), st.dictionaries(documents, st.sampled_from([-1, 0, 0, 1, 2, 3]), min_size=1), min_size=1
)


@settings(max_examples=150, deadline=None)
@given(runs, judgements)
def test_agrees_with_pytrec_eval_on_every_query(run: Nested, qrels: dict[str, dict[str, int]]) -> None:
    if not run.keys() & qrels.keys():
        return
    wanted = pytrec_eval.RelevanceEvaluator(
        # an all-unjudged query makes trec_eval read a count that it never set: checked apart, below
        {qid: known for qid, known in qrels.items() if max(known.values()) >= 0} or {"-": {"-": 0}},
        {name for name, _ in ORACLE.values()},
    ).evaluate(run)
    found = score_run(run_table(run), qrels_table(qrels), list(ORACLE)).per_query()
    for row in found.to_pylist():
        expected = wanted.get(row["qid"], {}).get(ORACLE[row["measure"]][1], 0.0)
        assert row["value"] == pytest.approx(expected, abs=1e-12), row
    assert found.num_rows == len(qrels) * len(ORACLE)


@settings(max_examples=60, deadline=None)
@given(runs, judgements, st.integers(1, 5))
def test_what_trec_eval_lacks_agrees_with_plain_loops(run: Nested, qrels: dict[str, dict[str, int]], k: int) -> None:
    if not run.keys() & qrels.keys():
        return
    found = score_run(run_table(run), qrels_table(qrels), [f"RR@{k}", f"Judged@{k}"])
    for qid, (reciprocal, judged) in zip(found.qids.to_pylist(), found.values.tolist(), strict=True):
        hits = run.get(qid, {})
        top = sorted(hits, key=lambda docid: (np.float32(hits[docid]) + 0, docid.encode()), reverse=True)[:k]
        ranks = [rank for rank, docid in enumerate(top, 1) if qrels[qid].get(docid, 0) > 0]
        assert reciprocal == (1 / ranks[0] if ranks else 0)
        assert judged == (sum(docid in qrels[qid] for docid in top) / len(top) if top else 0)


def test_means_agree_with_ir_measures() -> None:
    rng = np.random.default_rng(3)
    qrels = {f"q{q}": {f"d{d}": int(rng.integers(0, 4)) for d in rng.choice(60, 12, replace=False)} for q in range(12)}
    order = {f"q{q}": rng.permutation(60)[: rng.integers(1, 50)] for q in range(3, 15)}  # three queries without results
    run = {qid: {f"d{d}": 100.0 - rank for rank, d in enumerate(hits)} for qid, hits in order.items()}
    spellings = ["nDCG@20", "nDCG", "AP", "AP@10", "R@20", "RR", "RR@10", "P@10", "Success@1", "Judged@20", "Rprec"]
    wanted = ir_measures.calc_aggregate([ir_measures.parse_measure(name) for name in spellings], qrels, run)
    means = score_run(run_table(run), qrels_table(qrels), spellings).means()
    assert means == pytest.approx({str(measure): value for measure, value in wanted.items()}, abs=1e-12)


def test_a_query_without_anything_relevant_counts_as_nothing() -> None:
    qrels = qrels_table({"a": {"x": -1, "y": -2}, "b": {"x": 0}, "c": {"x": 1}})
    found = score_run(run_table({"a": {"x": 1}, "b": {"x": 1}, "c": {"x": 1}}), qrels, ["nDCG@5", "AP", "R@5", "Rprec"])
    assert found.values.tolist() == [[0] * 4, [0] * 4, [1] * 4]
    assert found.means()["AP"] == 1 / 3


@given(st.sampled_from(list(MEASURES.values())), st.none() | st.integers(1, 999_999_999))
def test_spelling_is_read_back(kind: type[Measure], cutoff: int | None) -> None:
    more: dict[str, Any] = {"p": 0.8} if "p" in kind.takes else {}
    if (cutoff is None and kind.cuts == "always") or (cutoff is not None and kind.cuts == "never"):
        with pytest.raises(UsageError, match=kind.name):
            kind(cutoff, **more)
        return
    measure = kind(cutoff, **more)
    assert parse_measure(repr(measure)) == measure
    assert parse_measure(str(measure)) == measure


@pytest.mark.parametrize(
    "spelling", ["", "ndcg@20", "nDCG@", "nDCG@0", "nDCG@-1", "nDCG@1.5", "P", "Rprec@5", "MAP", "nDCG @5"]
)
def test_other_spellings_are_refused(spelling: str) -> None:
    with pytest.raises(UsageError, match=r"known: nDCG\[@k\], AP|needs a cutoff|cannot be cut"):
        parse_measure(spelling)


def test_the_nearest_spelling_is_offered() -> None:
    with pytest.raises(UsageError, match=r"did you mean nDCG@20\?"):
        parse_measure("ndcg@20")
    with pytest.raises(UsageError, match=r"did you mean RR@10\?"):
        parse_measure("MRR@10")
    for spelling, meant in (("ndcg@0", r"nDCG\[@k\]"), ("rprec@5", "Rprec"), ("recall", "R@k")):
        with pytest.raises(UsageError, match=rf"did you mean {meant}\?"):  # never what cannot be parsed either
            parse_measure(spelling)


@pytest.mark.parametrize("spelling", ["nDCG@0", "nDCG@-1", "R@00", "P@", "AP@x"])
def test_a_cutoff_below_1_is_told_what_k_can_be(spelling: str) -> None:
    with pytest.raises(UsageError, match=r"cannot be cut at '.*'; k must be a whole number and at least 1") as caught:
        parse_measure(spelling)
    assert "did you mean" not in str(caught.value)
    with pytest.raises(UsageError, match="k must be at least 1"):
        MEASURES["nDCG"](0)


def test_run_and_qrels_of_different_sets_are_refused() -> None:
    run, qrels = run_table({"q1": {"d": 1.0}}), qrels_table({"1": {"d": 1}, "2": {"d": 1}})
    with pytest.raises(
        EvalError, match=r"share no query: the run has 1 \(such as 'q1'\), the qrels 2 \(such as '1', '2'\)"
    ):
        score_run(run, qrels)


def test_nan_in_a_table_is_refused() -> None:
    with pytest.raises(EvalError, match="score of document 'd' is NaN"):
        score_run(run_table({"a": {"d": float("nan")}}), qrels_table({"a": {"d": 1}}))
