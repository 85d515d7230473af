"""The stage `filter`: its options are filters, and what was dropped travels with the table."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from xret.errors import UsageError
from xret.pipeline import Pipeline, Step
from xret.pipeline.options import make_stage
from xret.stages.filter import CLEAN, Filter, filter_counts

PAIRS = pa.table(
    {
        "score": [1.5, 1.4, 1.3, 1.2],
        "src_id": ["a", "b", "c", "d"],
        "tgt_id": ["e", "f", "g", "h"],
        "src_text": ["Haus", "Haus!", "12", "Baum"],
        "tgt_text": ["house", "House", "12", "baum"],
    }
)


def test_options_are_filters(tmp_path: Path) -> None:
    options = {"min_score": 1, "max_score": 9, "letters": 0, "copies": 1, "length_ratio": "auto"}
    stage = make_stage("filter", options | {"near_duplicates": 0.9, "repeats": 2})
    assert isinstance(stage, Filter)
    reasons = ["score-floor", "score-cap", "letters", "copy", "length-ratio", "near-duplicate", "repeated"]
    assert [each.reason for each in stage.chain().filters] == reasons
    assert Filter().run(PAIRS, work=tmp_path).equals(PAIRS)
    assert len({Filter(**each).key() for each in ({}, CLEAN, {"repeats": 1}, {"length_ratio": 2.0})}) == 4


def test_counts_travel_with_the_table_through_the_cache(tmp_path: Path) -> None:
    pipeline = Pipeline((Step(Filter(**CLEAN)), Step(Filter(min_score=1.45))))
    for _ in range(2):  # the second time from the work folder
        found = pipeline({"pairs": PAIRS}, work=tmp_path)["pairs"]
        assert isinstance(found, pa.Table) and found["src_id"].to_pylist() == ["a"]
        dropped = {count["reason"]: count["dropped"] for count in filter_counts(found)}
        assert dropped == {"letters": 1, "copy": 1, "length-ratio": 0, "near-duplicate": 1, "score-floor": 0}
    assert filter_counts(PAIRS) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lid": ["de"]}, "lid names 1 languages; wanted two"),
        ({"lid": ["de", "de"]}, "cannot tell 'de' and 'de' apart"),
        ({"min_score": 2, "max_score": 1}, "no pair would be left"),
        ({"near_duplicates": "forms"}, "near_duplicates"),
        ({"near_duplicates": 0.2}, "near-duplicates '0.2': wanted form, numbers, or 0.7"),
        ({"length_ratio": 0.3}, "length ratio 0.3"),
        ({"repeats": 0}, "0 pairs; wanted at least 1"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, object], message: str) -> None:
    if "lid" in options:
        pytest.importorskip("py3langid")
    with pytest.raises(UsageError, match=message):
        make_stage("filter", options)
