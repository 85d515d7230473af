"""Fusion against its definitions, over random runs."""

from __future__ import annotations

import statistics
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.errors import EvalError, UsageError
from xret.runs import ordered
from xret.stages.fuse import FUSIONS, Fuse, Fusion, fuse_runs

scores = st.dictionaries(st.tuples(st.sampled_from("ab"), st.sampled_from("uvwxyz")), st.integers(0, 3), min_size=1)


def run_of(scored: dict[tuple[str, str], int], **extra: str) -> pa.Table:
    columns = {
        "qid": [q for q, _ in scored],
        "docid": [d for _, d in scored],
        "score": [float(s) for s in scored.values()],
    }
    return pa.table(columns | {name: [value] * len(scored) for name, value in extra.items()})


@settings(max_examples=60, deadline=None)
@given(st.lists(scores, min_size=1, max_size=4), st.integers(0, 60))
def test_the_definition(runs: list[dict[tuple[str, str], int]], k: int) -> None:
    exact: defaultdict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for run in runs:
        for query in "ab":
            ids = sorted((d for q, d in run if q == query), reverse=True)
            for rank, docid in enumerate(sorted(ids, key=lambda d: -run[query, d]), start=1):
                exact[query, docid] += Fraction(1, k + rank)
    fused = fuse_runs([run_of(run) for run in runs], k=k)
    found = {(row["qid"], row["docid"]): row["score"] for row in fused.to_pylist()}
    assert found == pytest.approx({pair: float(score) for pair, score in exact.items()}, rel=1e-12)
    assert fused.equals(ordered(fused))
    backwards = fuse_runs([run_of(run) for run in reversed(runs)], k=k)
    assert {(row["qid"], row["docid"]): row["score"] for row in backwards.to_pylist()} == found


def test_further_columns_come_from_whoever_has_them(tmp_path: Path) -> None:
    one = run_of({("a", "u"): 2, ("a", "v"): 1})
    two = run_of({("a", "v"): 2, ("b", "w"): 1}, dlang="de", text="Wort")
    fused = Fuse(depth=1, tag="both").run(one, two, None, None, work=tmp_path)
    assert fused.column_names == ["qid", "docid", "score", "rank", "tag", "dlang", "text"]
    assert fused.drop_columns(["score"]).to_pylist() == [
        {"qid": "a", "docid": "v", "rank": 1, "tag": "both", "dlang": "de", "text": "Wort"},
        {"qid": "b", "docid": "w", "rank": 1, "tag": "both", "dlang": "de", "text": "Wort"},
    ]
    assert fuse_runs([one, two])["text"].to_pylist() == ["Wort", None, "Wort"]


def test_an_unknown_language_gives_way_to_a_known_one() -> None:
    known, unknown = run_of({("a", "u"): 2}, dlang="de"), run_of({("a", "u"): 2, ("a", "v"): 1}, dlang="und")
    for runs in ((known, unknown), (unknown, known)):
        found = fuse_runs(runs)
        assert dict(zip(found["docid"].to_pylist(), found["dlang"].to_pylist(), strict=True)) == {"u": "de", "v": "und"}


def test_columns_that_differ_in_type_are_no_matter() -> None:
    """JSONL gives strings, Parquet what was put in: numbers, dictionaries, long strings."""
    one = run_of({("a", "u"): 2}, page="7", qlang="de")
    two = run_of({("a", "v"): 2}).append_column("page", pa.array([7]))
    two = two.append_column("qlang", pa.array(["de"]).dictionary_encode())
    two = two.append_column("text", pa.array(["Wort"], pa.large_string()))
    two = two.set_column(0, "qid", two["qid"].dictionary_encode()).set_column(2, "score", pa.array([2]))
    fused = fuse_runs([one, two])
    assert fused.column_names == ["qid", "docid", "score", "rank", "tag", "qlang", "text"]
    assert fused["qlang"].to_pylist() == ["de", "de"]
    assert {fused[name].type for name in ("qid", "docid", "tag", "qlang", "text")} == {pa.string()}
    with pytest.raises(EvalError, match="column 'text' is list"):
        fuse_runs([one, run_of({("a", "u"): 1}).append_column("text", pa.array([["x"]]))])


def test_refused() -> None:
    with pytest.raises(UsageError, match="no runs to fuse"):
        fuse_runs([])
    with pytest.raises(UsageError, match="k is -1"):
        Fuse(k=-1)
    with pytest.raises(UsageError, match="depth is 0"):
        Fuse(depth=0)


def _normal(values: dict[str, int], method: str) -> tuple[dict[str, float], float]:
    """What a run's list says of its documents and of all others, by the definitions."""
    numbers = list(values.values())
    low, high = min(numbers), max(numbers)
    if method == "combsum":
        return {docid: float(score) for docid, score in values.items()}, 0.0
    if method == "zscore":
        mean, spread = statistics.fmean(numbers), statistics.pstdev(numbers)
        shares = {docid: (score - mean) / spread if spread else 0.0 for docid, score in values.items()}
        return shares, min(shares.values())
    return {docid: (score - low) / (high - low) if high > low else 1.0 for docid, score in values.items()}, 0.0


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(scores, st.integers(0, 3)), min_size=1, max_size=4), st.sampled_from(FUSIONS[1:]))
def test_the_definitions_of_scores(given: list[tuple[dict[tuple[str, str], int], int]], method: Fusion) -> None:
    runs, weights = [run for run, _ in given], [float(weight) for _, weight in given]
    weights[0] = weights[0] or 1.0
    expected: dict[tuple[str, str], float] = {}
    for query in "ab":
        found = {docid for run in runs for q, docid in run if q == query}
        lists = [{d: s for (q, d), s in run.items() if q == query} for run in runs]
        said = [_normal(values, method) if values else ({}, 0.0) for values in lists]
        for docid in found:
            total = sum(w * one.get(docid, rest) for w, (one, rest) in zip(weights, said, strict=True))
            times = (
                sum(docid in values and w > 0 for w, values in zip(weights, lists, strict=True))
                if method == "combmnz"
                else 1
            )
            expected[query, docid] = total * times
    fused = fuse_runs([run_of(run) for run in runs], method=method, weights=weights)
    found_scores = {(row["qid"], row["docid"]): row["score"] for row in fused.to_pylist()}
    assert found_scores == pytest.approx(expected, abs=1e-9)
    assert fused.equals(ordered(fused)) and set(fused["tag"].to_pylist()) == {method}
    back = fuse_runs([run_of(run) for run in reversed(runs)], method=method, weights=weights[::-1])
    assert {(row["qid"], row["docid"]): row["score"] for row in back.to_pylist()} == found_scores


def test_runs_that_no_order_can_come_of() -> None:
    sound = pa.table({"qid": ["a", "a"], "docid": ["u", "v"], "score": [1.0, 2.0]})
    for score, docid, message in (
        ([1.0, float("nan")], ["u", "v"], "'v' for query 'a' is NaN"),
        ([1.0, 2.0], ["u", "u"], "'u' stands twice for query 'a' in run 2 of 2"),
    ):
        with pytest.raises(EvalError, match=message):
            fuse_runs([sound, pa.table({"qid": ["a", "a"], "docid": docid, "score": score})])
    huge = pa.table({"qid": ["a"] * 3, "docid": ["u", "v", "w"], "score": [1.7e308, -1.7e308, 0.0]})
    for method, scores in (("minmax", [1, 0.5, 0]), ("zscore", [1.5**0.5, 0, -(1.5**0.5)])):
        found = fuse_runs([huge], method=method)  # type: ignore[arg-type]
        assert found["docid"].to_pylist() == ["u", "w", "v"] and found["score"].to_pylist() == pytest.approx(scores)


def test_weights_and_scores_refused() -> None:
    run = run_of({("a", "u"): 2, ("a", "v"): 1})
    heavy = fuse_runs([run, run_of({("a", "v"): 9})], weights=[1, 0])
    assert heavy["docid"].to_pylist() == ["u", "v"] and heavy["score"].to_pylist() == [1 / 61, 1 / 62]
    for weights in ([1.0, -1.0], [0.0], [float("nan")], []):
        with pytest.raises(UsageError, match="wanted 0 or more for every run"):
            Fuse(weights=tuple(weights))
    with pytest.raises(UsageError, match="1 weights for 2 runs"):
        fuse_runs([run, run], weights=[1])
    with pytest.raises(UsageError, match="no fusion 'sum'; known: rrf, zscore"):
        fuse_runs([run], method="sum")  # type: ignore[arg-type]
    endless = run.set_column(2, "score", pa.array([float("-inf"), 0.0]))
    with pytest.raises(EvalError, match=r"document 'u' for query 'a' is -inf; .*rrf"):
        fuse_runs([endless], method="minmax")
    assert fuse_runs([endless])["docid"].to_pylist() == ["v", "u"]
