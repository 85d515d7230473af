"""Breakdown by language, values per query, and the evaluation stages."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from xret.errors import UsageError
from xret.eval.evaluation import evaluate
from xret.eval.scores import query_languages, score_run
from xret.stages.evaluate import Evaluate, EvaluateBitext

RUN = pa.table({"qid": ["1", "1", "2", "3"], "docid": ["a", "b", "b", "x"], "score": [2.0, 1.0, 1.0, 1.0]})
QRELS = pa.table(
    {"qid": ["1", "2", "3", "4"], "docid": ["a", "a", "x", "x"], "relevance": pa.array([1] * 4, pa.int32())}
)
QUERIES = pa.table(
    {"id": ["1", "2", "3", "9"], "text": ["eins", "zwei", "trois", "neuf"], "lang": ["de", "de", "fr", "es"]}
)


def test_languages_weigh_the_same_in_macro_and_queries_in_micro() -> None:
    table = score_run(RUN, QRELS, ["RR", "P@2"]).by_language(query_languages(RUN, QUERIES))
    assert table.to_pydict() == {
        "lang": ["de", "fr", "und", "macro", "micro"],
        "queries": [2, 1, 1, 4, 4],
        "RR": [0.5, 1.0, 0.0, 0.5, 0.5],
        "P@2": [0.25, 0.5, 0.0, 0.25, 0.25],
    }


def test_a_query_without_results_has_its_language_from_another_run(caplog: pytest.LogCaptureFixture) -> None:
    with_lang = RUN.append_column("qlang", pa.array(["de", "de", "de", "fr"]))
    result = evaluate(QRELS, [("whole", with_lang), ("half", with_lang.slice(0, 2)), ("plain", RUN)], ["RR"])
    rows = result.scores["half"].by_language(result.languages["half"]).to_pylist()
    assert [(row["lang"], row["queries"]) for row in rows[:3]] == [("de", 2), ("fr", 1), ("und", 1)]
    assert result.languages["plain"] == {} and result.to_json()["runs"][2]["languages"] == []
    assert result.per_query().column_names == ["run", "qid", "measure", "value"] and result.per_query().num_rows == 12
    assert [note.partition(";")[0] for note in result.notes] == [
        "whole: 1 of 4 queries of the qrels have no results and count 0 (such as '4')",
        "half: 3 of 4 queries of the qrels have no results and count 0 (such as '2', '3', '4')",
        "plain: 1 of 4 queries of the qrels have no results and count 0 (such as '4')",
    ]
    assert [record.message for record in caplog.records] == list(result.notes)


def test_every_query_keeps_its_values() -> None:
    table = score_run(RUN, QRELS, ["RR", "P@2"]).per_query()
    assert table.slice(0, 4).to_pylist() == [
        {"qid": "1", "measure": "RR", "value": 1.0},
        {"qid": "1", "measure": "P@2", "value": 0.5},
        {"qid": "2", "measure": "RR", "value": 0.0},
        {"qid": "2", "measure": "P@2", "value": 0.0},
    ]
    assert table.num_rows == 8


def test_stage_reports_slices(tmp_path: Path) -> None:
    stage = Evaluate(measures=("RR",))
    assert stage.run(RUN, QRELS, None, work=tmp_path).to_pylist() == [
        {"measure": "RR", "slice": "all", "queries": 4, "value": 0.5}
    ]
    with_lang = RUN.append_column("qlang", pa.array(["de", "de", "de", "fr"]))
    report = stage.run(with_lang, QRELS, None, work=tmp_path)
    assert dict(zip(report["slice"].to_pylist(), report["value"].to_pylist(), strict=True)) == {
        "all": 0.5,
        "lang:de": 0.5,
        "lang:fr": 1.0,
        "lang:und": 0.0,
        "macro": 0.5,
    }
    assert stage.key() != Evaluate(measures=("RR@10",)).key()


def test_bitext_stage_reports_given_and_best(tmp_path: Path) -> None:
    pairs = pa.table({"score": [0.9, 0.8], "src_id": ["1", "2"], "tgt_id": ["1", "9"]})
    gold = pa.table({"src_id": ["1", "2"], "tgt_id": ["1", "2"]})
    rows = EvaluateBitext().run(pairs, gold, work=tmp_path).to_pylist()
    found = {(row["slice"], row["measure"]): row["value"] for row in rows}
    assert found[("all", "precision")] == 0.5
    assert found[("all", "threshold")] is None
    assert found[("best", "F1")] == pytest.approx(2 / 3)
    assert found[("best", "threshold")] == pytest.approx(0.85)
    empty = EvaluateBitext(threshold=1.0).run(pairs.slice(0, 0), gold, work=tmp_path)
    assert set(empty["slice"].to_pylist()) == {"given"}
    assert empty.filter(pc.not_equal(empty["measure"], "threshold"))["value"].to_pylist() == [0.0] * 3
    with pytest.raises(UsageError, match="threshold is nan"):
        EvaluateBitext(threshold=math.nan)
