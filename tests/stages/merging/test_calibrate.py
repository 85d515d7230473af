"""Every calibration against its definition, over random runs."""

from __future__ import annotations

import statistics
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.errors import EvalError, UsageError
from xret.pipeline.options import make_stage
from xret.runs import ordered
from xret.stages.calibrate_run import CalibrateRun
from xret.stages.merging import calibrate_run, with_languages
from xret.stages.merging.calibrate import CALIBRATIONS, Calibration, _parted
from xret.stages.merging.lists import Lists

Rows = dict[tuple[str, str], tuple[str, int]]
LANGUAGES = ("de", "en", "zh")
cells = st.tuples(st.sampled_from("ab"), st.sampled_from("stuvwxyz"))
runs = st.dictionaries(cells, st.tuples(st.sampled_from(LANGUAGES), st.integers(-3, 3)), min_size=1)
PRIOR = {"de": 2.0, "en": 1.0}
UNFITTED: tuple[Calibration, ...] = ("raw", "zscore", "minmax", "rrf", "round-robin", "quota")


def run_of(rows: Rows) -> pa.Table:
    """Scores are eighths, exact in float32, so that all but the z-score is."""
    return pa.table(
        {
            "qid": [q for q, _ in rows],
            "docid": [d for _, d in rows],
            "score": [score / 8 for _, score in rows.values()],
            "dlang": [lang for lang, _ in rows.values()],
            "tag": ["it"] * len(rows),
        }
    )


def defined(rows: Rows, method: str) -> dict[str, list[str]]:
    """Query -> documents, best first, by the definitions with fractions."""
    best = {}
    for query in dict.fromkeys(q for q, _ in rows):
        mine = sorted((d for q, d in rows if q == query), reverse=True)
        mine.sort(key=lambda d: -rows[query, d][1])
        lists: defaultdict[str, list[str]] = defaultdict(list)
        for docid in mine:
            lists[rows[query, docid][0]].append(docid)
        key: dict[str, float | Fraction] = {}
        for overall, docid in enumerate(mine, start=1):
            lang, score = rows[query, docid]
            within = lists[lang].index(docid) + 1
            key[docid] = _key(method, lang, score, [rows[query, d][1] for d in lists[lang]], overall, within)
        best[query] = sorted(mine, key=lambda d: key[d])
        if method in ("quota", "prior"):  # seats; as many as languages make a round, ordered by score
            size = max(1, sum(method == "quota" or lang in PRIOR for lang in lists))
            rounds = [best[query][n : n + size] for n in range(0, len(mine), size)]
            best[query] = [docid for each in rounds for docid in sorted(each, key=mine.index)]
    return best


def _key(method: str, lang: str, score: int, scores: list[int], overall: int, within: int) -> float | Fraction:
    """What a query's documents go by, the least first; `scores` are those of the document's language."""
    low, high = min(scores), max(scores)
    if method == "raw":
        return Fraction(-score)
    if method == "zscore":
        return -round((score - statistics.fmean(scores)) / statistics.pstdev(scores), 9) if high > low else 0.0
    if method == "minmax":
        return -Fraction(score - low, high - low) if high > low else Fraction(-1)
    if method == "rrf":
        return -Fraction(1, 60 + overall) - Fraction(1, 60 + within)
    if method == "round-robin":
        return Fraction(within)
    share = len(scores) if method == "quota" else PRIOR.get(lang, 0)
    return Fraction(2 * within - 1) / Fraction(share) if share else Fraction(10**9)


@settings(max_examples=80, deadline=None)
@given(runs, st.sampled_from([*UNFITTED, "prior"]))
def test_the_definition(rows: Rows, method: str) -> None:
    name = cast("Calibration", "quota" if method == "prior" else method)
    found = calibrate_run(run_of(rows), name, prior=PRIOR if method == "prior" else None)
    ranked: defaultdict[str, list[str]] = defaultdict(list)
    for row in found.to_pylist():
        ranked[row["qid"]].append(row["docid"])
    assert ranked == defined(rows, method)
    assert found.equals(ordered(found)) and set(found["tag"].to_pylist()) == {"it"}
    assert sorted(zip(found["docid"].to_pylist(), found["dlang"].to_pylist(), strict=True)) == sorted(
        (d, lang) for (_, d), (lang, _) in rows.items()
    )


def test_order_survives_a_file_and_another_order_of_rows() -> None:
    """What is equal differs in the last digit, so that readers who know no languages rank alike."""
    rng = np.random.default_rng(3)
    n = 400
    table = pa.table(
        {
            "qid": [f"q{i % 4}" for i in range(n)],
            "docid": [f"d{i}" for i in range(n)],
            "score": rng.integers(-40, 40, n) / 64,
            "dlang": rng.choice(LANGUAGES, n).tolist(),
        }
    )
    shuffled = table.take(pa.array(rng.permutation(n)))
    for method in UNFITTED:
        one, two = (calibrate_run(each, method, depth=50).sort_by("qid") for each in (table, shuffled))
        again = ordered(one.drop_columns(["dlang", "rank"])).sort_by("qid")
        assert sorted(map(str, one.to_pylist())) == sorted(map(str, two.to_pylist())), method
        assert again["docid"].equals(one["docid"]) and set(one["rank"].to_pylist()) == set(range(1, 51)), method


def test_languages_from_the_corpus(tmp_path: Path) -> None:
    rows: Rows = {("a", "u"): ("de", 3), ("a", "v"): ("de", 2), ("a", "w"): ("zh", 1)}
    corpus = pa.table({"id": ["w", "v", "u"], "lang": ["zh", "de", "de"], "text": ["x"] * 3})
    bare = run_of(rows).drop_columns(["dlang"])
    stage = CalibrateRun(method="round-robin", depth=2, tag="fair")
    found = stage.run(bare, corpus, None, None, work=tmp_path)
    assert found.select(["docid", "dlang", "tag"]).to_pylist() == [
        {"docid": "u", "dlang": "de", "tag": "fair"},
        {"docid": "w", "dlang": "zh", "tag": "fair"},
    ]
    with pytest.raises(EvalError, match="does not say the languages"):
        calibrate_run(bare, "zscore")
    with pytest.raises(EvalError, match=r"document 'u' of the run is not among the 1 ids .*2 rows"):
        with_languages(bare, corpus.slice(0, 1))


def test_languages_that_a_run_half_knows() -> None:
    """As a run fused of one that says them and one that does not."""
    corpus = pa.table({"id": ["u", "v", "w"], "lang": ["fr", "de", "zh"]})
    run = run_of({("a", "u"): ("de", 3), ("a", "v"): ("de", 2), ("b", "u"): ("de", 1), ("b", "w"): ("und", 1)})
    run = run.set_column(3, "dlang", pa.array(["de", None, None, "und"]))
    found = calibrate_run(run, "raw", corpus=corpus)
    assert dict(zip(found["docid"].to_pylist(), found["dlang"].to_pylist(), strict=True)) == {
        "u": "de", "v": "de", "w": "zh",  # what the run says counts
    }  # fmt: skip
    with pytest.raises(EvalError, match=r"the language of document 'v' \(1 of 4 rows are without\); give the corpus"):
        calibrate_run(run, "raw")
    with pytest.raises(EvalError, match="'w' of the run is not among the 2 ids"):
        calibrate_run(run, "raw", corpus=corpus.slice(0, 2))


def test_a_share_of_a_language_is_that_of_its_kinds() -> None:
    rows: Rows = {("a", d): (lang, s) for d, lang, s in [
        ("s", "zh", 9), ("t", "zh-Hant", 8), ("u", "zh-Hant-TW", 7), ("v", "zh-Hans", 6),
        ("w", "de", 1), ("x", "fr", 0),
    ]}  # fmt: skip
    found = calibrate_run(run_of(rows), "quota", prior={"zh": 1, "de": 1})
    assert found["docid"].to_pylist() == ["s", "w", "t", "u", "v", "x"]
    own = calibrate_run(run_of(rows), "quota", prior={"zh": 1, "zh-Hant": 0})
    assert own["docid"].to_pylist() == ["s", "v", "t", "u", "w", "x"]


def test_parting_what_is_equal_overtakes_nothing() -> None:
    below = float(np.nextafter(np.float32(1), np.float32(0)))
    run = pa.table({"qid": ["a"] * 5 + ["b"], "docid": list("uvwxyz"), "score": [5.0, 4.0, 3.0, 2.0, 1.0, 9.0],
                    "dlang": ["de"] * 6})  # fmt: skip
    for scores in ([1, 1, 1, below, 0, 1], [0, 0, -0.0, -1e-45, -1, 1], [3e38, 3e38, 3e38, 3e38, 3e38, -3e38]):
        parted = _parted(np.array(scores, np.float64), Lists.of(run)).astype(np.float32)
        assert (np.diff(parted[:5]) < 0).all() and parted[5] == np.float32(scores[5])


def test_as_a_pipeline_file_names_it() -> None:
    stage = make_stage("calibrate-run", {"method": "quota", "prior": {"de": 2, "en": 1}, "depth": 5})
    assert stage == CalibrateRun(method="quota", prior=PRIOR, depth=5) and stage.key() != CalibrateRun().key()
    assert make_stage("centre", {"method": "shift", "source": "de"}).options() == {"method": "shift", "source": "de"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "z"}, "no calibration 'z'"),
        ({"method": "zscore", "prior": {"de": 1.0}}, "a prior is for quota"),
        ({"method": "rrf", "k": -1}, "k is -1"),
        ({"method": "raw", "depth": 0}, "depth is 0"),
    ],
)
def test_refused_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        CalibrateRun(**options)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=message):
        calibrate_run(run_of({("a", "u"): ("de", 1)}), **options)  # type: ignore[arg-type]


def test_refused_data() -> None:
    run = run_of({("a", "u"): ("de", 1), ("a", "v"): ("en", 2)})
    with pytest.raises(EvalError, match=r"document 'v' for query 'a' is inf"):
        calibrate_run(run.set_column(2, "score", pa.array([1.0, float("inf")])), "minmax")
    with pytest.raises(UsageError, match="logistic needs a map"):
        calibrate_run(run, "logistic")
    for prior in ({}, {"de": -1.0}, {"de": 0.0}, {"de": float("nan")}):
        with pytest.raises(UsageError, match="prior has"):
            calibrate_run(run, "quota", prior=prior)
    assert set(UNFITTED) | {"logistic"} == set(CALIBRATIONS)
