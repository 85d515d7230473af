"""Reciprocal rank fusion against its definition, over random runs."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.errors import EvalError, UsageError
from xret.runs import ordered
from xret.stages.fuse import Fuse, fuse_runs

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
