"""Logistic calibration: what it learns, that it is learnt elsewhere, and its file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from xret.errors import EvalError, InputError, UsageError
from xret.eval.scores import score_run
from xret.stages.calibrate_run import CalibrateRun
from xret.stages.merging import RelevanceMap, calibrate_run, cross_fitted, fit_relevance
from xret.stages.merging.folds import relevant_shares, topic_folds

LEAD = {"de": 0.3, "en": 0.0, "zh": -0.4}  # what languages score for nothing
TOPICS = 120


def collection(seed: int = 0) -> tuple[pa.Table, pa.Table]:
    """Each topic asked in two languages, with a relevant document in each of three; scores lead by language."""
    rng = np.random.default_rng(seed)
    rows, judged = [], []
    for topic in range(TOPICS):
        for asked in ("de", "zh"):
            qid = f"{topic}@{asked}"
            for lang, lead in LEAD.items():
                judged.append((qid, f"{topic}.{lang}", 1))
                for docid in (topic, *rng.choice(TOPICS, 8, replace=False).tolist()):
                    score = lead + 0.5 * (docid == topic) + 0.1 * rng.normal() + 0.2 * (lang == asked)
                    rows.append((qid, f"{docid}.{lang}", score, asked, lang))
    names = ("qid", "docid", "score", "qlang", "dlang")
    run = pa.table(dict(zip(names, map(list, zip(*dict((r[:2], r) for r in rows).values(), strict=True)), strict=True)))
    qrels = pa.table(dict(zip(("qid", "docid", "relevance"), map(list, zip(*judged, strict=True)), strict=True)))
    return run, qrels


def test_it_undoes_the_lead_of_languages() -> None:
    run, qrels = collection()
    before, after = (score_run(each, qrels, ["nDCG@3"]).means()["nDCG@3"] for each in (run, cross_fitted(run, qrels)))
    assert before < 0.8 and after > 0.95
    found = fit_relevance(run, qrels)
    assert set(found.languages) == set(LEAD) and found.made == {
        "queries": 2 * TOPICS, "relevant": 6 * TOPICS, "rows": run.num_rows,
    }  # fmt: skip
    for name, own in found.languages.items():
        score, _, same = own.weights
        assert score > 0 and (name == "en" or same < 0), "a query's own language is ahead for nothing"


def test_one_map_for_all() -> None:
    run, qrels = collection()
    found = fit_relevance(run, qrels, by_language=False)
    assert not found.languages and found.pooled == fit_relevance(run, qrels).pooled
    pooled, own = (cross_fitted(run, qrels, by_language=by) for by in (False, True))
    assert pooled.num_rows == own.num_rows and not pooled.equals(own)


def test_no_query_is_ranked_by_its_own_judgements() -> None:
    """A fold's ranking is the same whatever its own judgements say, as long as its topics are the same."""
    run, qrels = collection()
    qids, fold = topic_folds(qrels, 4)
    assert set(fold.tolist()) == {0, 1, 2, 3}
    of = dict(zip(qids.to_pylist(), fold.tolist(), strict=True))
    assert all(of[f"{topic}@de"] == of[f"{topic}@zh"] for topic in range(TOPICS)), "one topic, one fold"
    mine = pa.array([of[qid] == 2 for qid in run["qid"].to_pylist()])
    others = pa.array([of[qid] != 2 for qid in run["qid"].to_pylist()])
    expected = calibrate_run(run.filter(mine), "logistic", model=fit_relevance(run.filter(others), qrels))
    found = cross_fitted(run, qrels, folds=4)
    assert found.filter(pa.array([of[qid] == 2 for qid in found["qid"].to_pylist()])).equals(expected)
    back = cross_fitted(run.take(pa.array(np.arange(run.num_rows)[::-1])), qrels.take(pa.array(
        np.arange(qrels.num_rows)[::-1])), folds=4)  # fmt: skip
    key = [("qid", "ascending"), ("rank", "ascending")]
    assert back.sort_by(key)["docid"].equals(found.sort_by(key)["docid"])


def test_shares_of_other_topics() -> None:
    """A prior that only one fold's topics have is not used for them."""
    run, qrels = collection()
    known = pa.table({"docid": run["docid"], "lang": run["dlang"]}).group_by(["docid", "lang"]).aggregate([])
    assert relevant_shares(qrels, known) == pytest.approx(dict.fromkeys(LEAD, 1 / 3))
    qids, fold = topic_folds(qrels, 2)
    of = dict(zip(qids.to_pylist(), fold.tolist(), strict=True))
    kept = [
        of[q] == 0 or d.endswith("zh") for q, d in zip(*(qrels[n].to_pylist() for n in ("qid", "docid")), strict=True)
    ]
    found = cross_fitted(run, qrels.filter(pa.array(kept)), "quota", languages=known, folds=2)
    first = found.filter(pa.array([rank <= 8 for rank in found["rank"].to_pylist()]))
    for qid, lang in zip(first["qid"].to_pylist(), first["dlang"].to_pylist(), strict=True):
        assert of[qid] == 1 or lang == "zh"
    with pytest.raises(EvalError, match="no relevant document has a language"):
        relevant_shares(qrels, None)


def test_rare_languages_go_by_all_and_the_file_gives_the_same(tmp_path: Path) -> None:
    run, qrels = collection()
    rare = pa.array([lang != "zh" or qid.startswith("1") for lang, qid in zip(
        run["dlang"].to_pylist(), run["qid"].to_pylist(), strict=True)])  # fmt: skip
    few = run.filter(rare).filter(pa.array([not qid.startswith("11") for qid in run.filter(rare)["qid"].to_pylist()]))
    found = fit_relevance(few, qrels)
    assert set(found.languages) == {"de", "en"}
    found.save(tmp_path / "map.json")
    assert RelevanceMap.load(tmp_path / "map.json") == found
    one = CalibrateRun(method="logistic").run(run, None, few, qrels, work=tmp_path)
    assert one.equals(calibrate_run(run, "logistic", model=RelevanceMap.load(tmp_path / "map.json")))
    assert set(
        one.filter(pa.array([lang == "zh" for lang in one["dlang"].to_pylist()]))["score"].is_valid().to_pylist()
    )


def test_a_map_is_not_put_on_what_it_was_not_fitted_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run, qrels = collection()
    fit_relevance(run.append_column("tag", pa.array(["dense"] * run.num_rows)), qrels).save(tmp_path / "map.json")
    found = RelevanceMap.load(tmp_path / "map.json")
    for qlang in (None, ["und"] * run.num_rows):
        told = run.drop_columns(["qlang"])
        told = told if qlang is None else told.append_column("qlang", pa.array(qlang))
        with pytest.raises(EvalError, match=r"does not say the languages of its queries .* give their languages"):
            calibrate_run(told, "logistic", model=found)
    score = run["score"].to_numpy()
    for other in (score * 20 + 30, 1 / (60 + np.arange(run.num_rows) % 100) - 10):
        with pytest.raises(EvalError, match=r"the map was fitted on scores of .* \(run 'dense'\); fit it on"):
            calibrate_run(run.set_column(2, "score", pa.array(other)), "logistic", model=found)
    top = calibrate_run(run, "raw", depth=2)  # a beginning of the same kind of run is no other kind
    calibrate_run(top, "logistic", model=found)
    assert not caplog.records
    calibrate_run(run.append_column("tag", pa.array(["bm25"] * run.num_rows)), "logistic", model=found)
    assert "fitted on run 'dense' and is used for run 'bm25'" in caplog.text
    wide = fit_relevance(run.set_column(2, "score", pa.array(score * 10 + 20)), qrels)  # as BM25 and cosines
    with pytest.raises(EvalError, match="its scores are mostly"):
        calibrate_run(run.set_column(2, "score", pa.array(score * 0.1 + 0.5)), "logistic", model=wide)


def test_refused(tmp_path: Path) -> None:
    run, qrels = collection()
    (tmp_path / "other.json").write_text('{"kind": "calibration"}')
    columns = fit_relevance(run, qrels)
    columns.save(tmp_path / "map.json")
    fields = json.loads((tmp_path / "map.json").read_text())
    fields["pooled"]["columns"] = ["score", "length", "own"]
    (tmp_path / "newer.json").write_text(json.dumps(fields))
    (tmp_path / "deep.json").write_text("[" * 100_000)
    for name, message in (
        ("deep.json", "is no map"),
        ("none.json", "No such file"),
        ("other.json", "is no map"),
        ("newer.json", "is no map"),
    ):
        with pytest.raises(InputError, match=f"{name}: .*{message}.*--save"):
            RelevanceMap.load(tmp_path / name)
    nothing = qrels.set_column(2, "relevance", pa.array([0] * qrels.num_rows))
    with pytest.raises(EvalError, match=r"^0 of the .* are relevant; .*both kinds"):
        fit_relevance(run, nothing)
    with pytest.raises(EvalError, match="share no query"):
        fit_relevance(run, qrels.set_column(0, "qid", pa.array(["x"] * qrels.num_rows)))
    with pytest.raises(UsageError, match="folds is 1"):
        cross_fitted(run, qrels, folds=1)
    tied = qrels.append_column("x", qrels["docid"]).drop_columns(["x"])
    tied = pa.concat_tables([tied, pa.table({"qid": pa.compute.unique(qrels["qid"]), "docid": ["all"] * 2 * TOPICS,
                                             "relevance": [1] * 2 * TOPICS})])  # fmt: skip
    with pytest.raises(EvalError, match="one topic"):
        cross_fitted(run, tied)
    with pytest.raises(UsageError, match="give dev_run and dev_qrels"):
        CalibrateRun(method="logistic").run(run, work=tmp_path)
