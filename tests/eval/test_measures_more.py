"""Condensed lists, relevance levels, bpref, RBP and alpha-nDCG: trec_eval, ndeval and worked examples."""

from __future__ import annotations

import math
from pathlib import Path

import ir_measures
import numpy as np
import pyarrow as pa
import pyndeval
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.eval.test_measures import TREC, qrels_table, run_table
from xret.errors import EvalError, UsageError
from xret.eval.measures import from_level, parse_measure
from xret.eval.scores import score_run
from xret.eval.subtopics import read_subtopics
from xret.runs import read_qrels, read_run

Scores = dict[str, float]
Labels = dict[str, int]

documents = st.sampled_from([f"d{place:02}" for place in range(14)])
scores = st.dictionaries(documents, st.integers(0, 6).map(float), min_size=1)
labels = st.dictionaries(documents, st.integers(-1, 3), min_size=1)


def test_published_bpref_of_trec_eval() -> None:
    """`test/out.test` of trec_eval: bpref 0.1981."""
    found = score_run(read_run(TREC / "results.test.gz"), read_qrels(TREC / "qrels.test.gz"), ["bpref"]).means()
    assert round(found["bpref"], 4) == 0.1981


@settings(max_examples=150, deadline=None)
@given(scores, labels, st.integers(1, 3), st.booleans())
def test_levels_and_condensed_lists_are_trec_evals(run: Scores, known: Labels, level: int, condensed: bool) -> None:
    """trec_eval's ``-l`` and ``-J``."""
    if max(known.values()) < 0:
        return  # it reads a count that it never set
    names = {"P_5": "P@5", "map": "AP", "map_cut_5": "AP@5", "recip_rank": "RR", "recall_5": "R@5", "ndcg": "nDCG",
             "ndcg_cut_5": "nDCG@5", "Rprec": "Rprec", "success_5": "Success@5"}  # fmt: skip
    names |= {} if condensed else {"bpref": "bpref"}
    asked = {"P.5", "map", "map_cut.5", "recip_rank", "recall.5", "ndcg", "ndcg_cut.5", "Rprec", "success.5", "bpref"}
    oracle = pytrec_eval.RelevanceEvaluator({"q": known}, asked, relevance_level=level, judged_docs_only_flag=condensed)
    wanted = oracle.evaluate({"q": run}).get("q", {})
    plain = [name.replace("@", ":judged@") if "@" in name else f"{name}:judged" for name in names.values()]
    measures = from_level(plain if condensed else names.values(), level)
    found = score_run(run_table({"q": run}), qrels_table({"q": known}), measures).values[0]
    for theirs, measure, value in zip(names, measures, found, strict=True):
        assert value == pytest.approx(wanted.get(theirs, 0.0), abs=1e-12), measure


# xret's spelling -> ir-measures'
PEERS = {
    "nDCG:judged@10": "nDCG(judged_only=True)@10",
    "AP:judged": "AP(judged_only=True)",
    "AP:rel=2": "AP(rel=2)",
    "P:rel=2@10": "P(rel=2)@10",
    "R:judged,rel=2@10": "R(judged_only=True,rel=2)@10",
    "RR:rel=3": "RR(rel=3)",
    "bpref": "Bpref",
    "bpref:rel=2": "Bpref(rel=2)",
}


def test_means_agree_with_ir_measures() -> None:
    rng = np.random.default_rng(8)
    known = {f"q{q}": {f"d{d}": int(rng.integers(0, 4)) for d in rng.choice(80, 20, replace=False)} for q in range(15)}
    lists = {f"q{q}": rng.permutation(80)[: rng.integers(1, 70)] for q in range(2, 17)}  # two without results
    run = {qid: {f"d{d}": 100.0 - rank for rank, d in enumerate(hits)} for qid, hits in lists.items()}
    theirs = {name: ir_measures.parse_measure(name) for name in PEERS.values()}
    wanted = ir_measures.calc_aggregate(list(theirs.values()), known, run)
    found = score_run(run_table(run), qrels_table(known), list(PEERS)).means()
    assert found == pytest.approx({ours: wanted[theirs[name]] for ours, name in PEERS.items()}, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(scores, labels, st.sampled_from([0.5, 0.8, 0.95]), st.none() | st.integers(1, 6))
def test_rbp_is_a_readers_precision(run: Scores, known: Labels, p: float, cutoff: int | None) -> None:
    order = sorted(run, key=lambda docid: (run[docid], docid), reverse=True)[:cutoff]
    wanted = (1 - p) * sum(p**place for place, docid in enumerate(order) if known.get(docid, 0) > 0)
    spelling = f"RBP:p={p}" if cutoff is None else f"RBP:p={p}@{cutoff}"
    assert score_run(run_table({"q": run}), qrels_table({"q": known}), [spelling]).means()[spelling] == pytest.approx(
        wanted
    )


def test_worked_examples() -> None:
    """By hand: a relevant document, one judged not relevant, one unjudged, a relevant one."""
    run = run_table({"q": {"a": 4.0, "b": 3.0, "c": 2.0, "d": 1.0}})
    qrels = qrels_table({"q": {"a": 2, "b": 0, "d": 1, "e": 1}})
    wanted = {
        "nDCG:judged": (2 + 1 / 2) / (2 + 1 / math.log2(3) + 1 / 2),
        "AP:judged": (1 + 2 / 3) / 3,
        "P:judged@3": 2 / 3,
        "AP:rel=2": 1.0,
        "bpref": (1 + (1 - 1 / 1)) / 3,
        "RBP:p=0.5": 0.5 * (1 + 1 / 8),
        "RBP:judged,p=0.5": 0.5 * (1 + 1 / 4),
    }
    assert score_run(run, qrels, list(wanted)).means() == pytest.approx(wanted)


pairs = st.sets(st.tuples(documents, st.sampled_from("stuv")), min_size=1, max_size=20)


@settings(max_examples=120, deadline=None)
@given(st.lists(documents, min_size=1, unique=True), pairs, st.sampled_from([0.0, 0.5, 0.9]))
def test_alpha_ndcg_is_ndevals(hits: list[str], about: set[tuple[str, str]], alpha: float) -> None:
    """With several subtopics a document too, where the ideal is greedy."""
    asked = ["alpha-nDCG@3", "alpha-nDCG@10"]
    wanted = pyndeval.ndeval(
        [pyndeval.SubtopicQrel("q", subtopic, docid, 1) for docid, subtopic in sorted(about)],
        [pyndeval.ScoredDoc("q", docid, -float(place)) for place, docid in enumerate(hits)], asked, alpha=alpha,
    )["q"]  # fmt: skip
    run = run_table({"q": {docid: -float(place) for place, docid in enumerate(hits)}})
    subtopics = pa.table(
        {"qid": ["q"] * len(about), "docid": [one for one, _ in about], "subtopic": [s for _, s in about]}
    )
    names = [one if alpha == 0.5 else one.replace("@", f":alpha={alpha}@") for one in asked]
    found = score_run(run, qrels_table({"q": {one: 1 for one, _ in about}}), names, subtopics=subtopics).means()
    assert list(found.values()) == pytest.approx([wanted[one] for one in asked], abs=1e-6)


def test_alpha_ndcg_of_languages_by_hand() -> None:
    run = run_table({"q": {"de1": 3.0, "de2": 2.0, "en1": 1.0}})
    qrels = qrels_table({"q": {"de1": 1, "de2": 1, "en1": 1}})
    languages = pa.table({"docid": ["de1", "de2", "en1"], "lang": ["de", "de", "en"]})
    ideal = 1 + 1 / math.log2(3) + 0.5 / 2
    found = score_run(run, qrels, ["alpha-nDCG", "alpha-nDCG@2"], subtopics=languages).values[0]
    assert found == pytest.approx(
        [(1 + 0.5 / math.log2(3) + 1 / 2) / ideal, (1 + 0.5 / math.log2(3)) / (1 + 1 / math.log2(3))]
    )
    with pytest.raises(UsageError, match="alpha-nDCG needs the subtopics of documents"):
        score_run(run, qrels, ["alpha-nDCG@20"])
    with pytest.raises(EvalError, match="no judged document has a subtopic"):
        score_run(run, qrels, ["alpha-nDCG@20"], subtopics=pa.table({"docid": ["x"], "lang": ["de"]}))


def test_diversity_judgements_are_read(tmp_path: Path) -> None:
    path = tmp_path / "diversity.txt"
    path.write_text("1 1 a 1\n1 2 a 2\n1 1 b 0\n1 2 c 1\n")
    qrels, subtopics = read_subtopics(path)
    assert qrels.to_pydict() == {"qid": ["1"] * 3, "docid": ["a", "b", "c"], "relevance": [2, 0, 1]}
    assert subtopics.to_pydict() == {"qid": ["1"] * 3, "docid": ["a", "a", "c"], "subtopic": ["1", "2", "2"]}
    path.write_text("1 1 a 1\n1 1 a 2\n")
    with pytest.raises(EvalError, match="document 'a' stands twice for query '1 / 1'"):
        read_subtopics(path)


@pytest.mark.parametrize(
    ("spelling", "message"),
    [
        ("nDCG'@20", r"did you mean nDCG:judged@20\?"),
        ("RBP", "measure RBP needs p, as in RBP:p=0.8"),
        ("RBP(p=0.8)", r"did you mean RBP:p=P\[@k\]\?"),
        ("RBP:p=0.80", "'RBP:p=0.80' is spelled 'RBP:p=0.8'"),
        ("RBP:p=1.5", "RBP cannot have p=1.5"),
        ("RBP:p=x", "p is 'x', wanted a number"),
        ("AP:rel=1", "'AP:rel=1' is spelled 'AP'"),
        ("AP:rel=0", "rel is 0"),
        ("AP:rel=2,judged", "is spelled 'AP:judged,rel=2'"),
        ("nDCG:rel=2", "nDCG has no parameter 'rel'"),
        ("bpref:judged", "bpref has no parameter 'judged'"),
        ("nDCG:judged=1", "judged is '1', wanted no value"),
        ("alpha-nDCG:alpha=2@5", "cannot have alpha=2.0"),
        ("R@2kt", "looks for answers in texts"),
    ],
)
def test_spellings_that_are_none(spelling: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parse_measure(spelling)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "spelling", ["nDCG:judged@20", "AP:judged,rel=2@10", "RBP:p=0.8@100", "bpref:rel=2", "alpha-nDCG:alpha=0.9@20"]
)
def test_spellings_with_parameters_are_read_back(spelling: str) -> None:
    assert str(parse_measure(spelling)) == spelling
    assert from_level([spelling], 2) == (parse_measure(spelling),) or "rel" not in spelling


def test_levels_leave_gains_alone() -> None:
    assert [str(one) for one in from_level(["nDCG@20", "AP", "P:rel=3@5"], 2)] == ["nDCG@20", "AP:rel=2", "P:rel=3@5"]
    assert from_level(["AP"], 1) == (parse_measure("AP"),)
