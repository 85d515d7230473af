"""What stands in the report of an evaluation: the numbers of the modules that measure, and no others."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from xret.errors import UsageError
from xret.eval.fairness import study
from xret.eval.matrix import language_matrix
from xret.eval.reports import System, evaluation_report
from xret.eval.reports.chances import chances, reliability
from xret.eval.reports.retrieved import retrieved
from xret.eval.reports.spreads import score_spreads
from xret.eval.reports.systems import SHOWN, shown
from xret.eval.scores import RunScores, score_run
from xret.reports import Bars, Grid, Heat, Report, Table, report_latex, report_markdown, report_text

LANGS = ("de", "en", "zh")
QUERIES = {f"q{n}": LANGS[n % 3] for n in range(30)}
DOCUMENTS = pa.table({"docid": [f"d{n}" for n in range(60)], "lang": [LANGS[n % 3] for n in range(60)]})
MEASURES = ("nDCG@10", "R@100", "AP")


def data(seed: int, skill: float) -> tuple[pa.Table, pa.Table]:
    rng = np.random.default_rng(0)
    relevant = {qid: set(rng.choice(60, 5, replace=False).tolist()) for qid in QUERIES}
    noise = np.random.default_rng(seed)
    rows = [
        (qid, f"d{n}", skill * (n in relevant[qid]) + 0.3 * (n % 3 == 1) + noise.random())
        for qid in QUERIES
        for n in range(0, 60)
        if noise.random() < 0.8
    ]
    run = pa.table(dict(zip(("qid", "docid", "score"), map(list, zip(*rows, strict=True)), strict=True)))
    judged = [(qid, f"d{n}", 1) for qid, those in relevant.items() for n in sorted(those)]
    qrels = pa.table(dict(zip(("qid", "docid", "relevance"), map(list, zip(*judged, strict=True)), strict=True)))
    return run, qrels.set_column(2, "relevance", qrels["relevance"].cast(pa.int32()))


@pytest.fixture(scope="module")
def systems() -> list[System]:
    found = []
    for name, skill in (("weak", 0.1), ("strong", 0.9)):
        run, qrels = data(len(name), skill)
        found.append(System(name=name, scores=score_run(run, qrels, MEASURES), run=run))
    return found


@pytest.fixture(scope="module")
def report(systems: list[System]) -> Report:
    return evaluation_report(systems, languages=QUERIES, qrels=data(0, 0)[1], documents=DOCUMENTS, date="2026-11-21")


def blocks(report: Report, kind: type) -> list[object]:
    return [block for section in report.sections for block in section.blocks if isinstance(block, kind)]


def table(report: Report, title: str) -> Table:
    found = [block for block in blocks(report, Table) if isinstance(block, Table) and block.title == title]
    assert len(found) == 1
    return found[0]


def test_sections(report: Report) -> None:
    assert [section.title for section in report.sections] == [
        "Results", "Languages of the queries", "Significance", "Both languages", "Scores", "Calibration", "Fairness",
    ]  # fmt: skip


def test_means_and_their_intervals(report: Report, systems: list[System]) -> None:
    means = table(report, "Means over the queries")
    assert means.columns == ("system", "nDCG@10", "low", "high", "R@100", "AP")
    for row, system in zip(means.rows, systems, strict=True):
        want = system.scores.means()
        assert row[0] == system.name and (row[1], *row[4:]) == tuple(want.values())
        assert float(row[2] or 0) < want["nDCG@10"] < float(row[3] or 0)


def test_languages_of_queries(report: Report, systems: list[System]) -> None:
    bars = blocks(report, Bars)[0]
    assert isinstance(bars, Bars) and bars.labels == LANGS and bars.sizes == (10, 10, 10)
    for series, system in zip(bars.series, systems, strict=True):
        want = system.scores.by_language(QUERIES)["nDCG@10"].to_pylist()[:3]
        assert series.values == pytest.approx(want)
        assert all(a < b < c for a, b, c in zip(series.low, series.values, series.high, strict=True))


def test_intervals_of_few_queries_are_left_out(systems: list[System]) -> None:
    few = {qid: "xx" if qid in ("q0", "q3") else lang for qid, lang in QUERIES.items()}
    bars = blocks(evaluation_report(systems, languages=few), Bars)[0]
    assert isinstance(bars, Bars) and bars.labels == ("de", "en", "xx", "zh")
    assert math.isnan(bars.series[0].low[2]) and not math.isnan(bars.series[0].values[2])


def test_both_languages(report: Report, systems: list[System]) -> None:
    for heat, system in zip(blocks(report, Heat), systems, strict=True):
        assert isinstance(heat, Heat)
        want = language_matrix(system.retrieved(), data(0, 0)[1], DOCUMENTS, QUERIES, ["R@100"], restricted=False)
        np.testing.assert_allclose(np.array(heat.values), want.values[0])


def test_significance(report: Report) -> None:
    grid = blocks(report, Grid)[0]
    assert isinstance(grid, Grid) and grid.verdicts == ((None, -1), (1, None))
    assert grid.texts[1][0].startswith("+0.") and grid.texts[0][1] == grid.texts[1][0].replace("+", "−")
    numbers = table(report, "Differences of nDCG@10, in numbers")
    assert numbers.rows[0][:2] == ("strong", "weak") and "seed: 0" in numbers.note
    assert "Holm over 1 comparison" in numbers.note  # only what is shown was compared


def test_fairness_is_that_of_the_study(report: Report, systems: list[System]) -> None:
    fair = table(report, "Fairness to languages")
    want = study(systems[1].retrieved(), data(0, 0)[1], DOCUMENTS, query_languages=QUERIES)
    got = {row[0]: row[3] for row in fair.rows}
    assert set(got) == set(want.measures)
    for name, value in want.measures.items():
        assert got[name] == value or (math.isnan(value) and math.isnan(float(got[name] or 0)))
    attention = [bars for bars in blocks(report, Bars) if isinstance(bars, Bars)][-1]
    ratios = pc.divide(want.languages["attention"], want.languages["due"]).to_pylist()
    assert attention.series[1].values == pytest.approx(ratios) and attention.reference == 1.0


def test_what_was_retrieved() -> None:
    run, qrels = data(3, 0.5)
    found = retrieved(run, qrels, DOCUMENTS.slice(0, 59))
    good = {(row["qid"], row["docid"]) for row in qrels.to_pylist()}
    want = [(row["qid"], row["docid"]) in good for row in run.to_pylist()]
    assert found.relevant.tolist() == want and found.languages == ("de", "en", "und", "zh")
    plot = score_spreads("x", found)
    assert plot is not None
    mask = found.relevant & (found.language == 1)
    assert plot.series[0].counts[1] == mask.sum()
    assert plot.series[0].quantiles[1] == pytest.approx(np.quantile(found.score[mask], (0.05, 0.25, 0.5, 0.75, 0.95)))
    assert plot.series[0].quantiles[2] is None  # too few to tell


def test_share_of_relevant_by_score() -> None:
    run, qrels = data(3, 0.5)
    found = retrieved(run, qrels, DOCUMENTS)
    told = chances("x", found)
    assert told is not None
    curves, distances = told
    every = curves.curves[0]
    edges = np.quantile(found.score[found.relevant], np.arange(1, 10) / 10)
    for low, high, share in zip([-9.0, *edges], [*edges, 9.0], every.y, strict=True):
        inside = (found.score >= low) & (found.score < high)
        assert share == pytest.approx(found.relevant[inside].mean())
    assert max(distances, key=lambda lang: distances[lang]) == "en", "its scores were raised"
    assert chances("x", retrieved(run, qrels.slice(0, 0), DOCUMENTS)) is None


def test_reliability() -> None:
    probability = np.repeat([0.1, 0.5, 0.9], 10)
    right = np.array([True] * 1 + [False] * 9 + [True] * 5 + [False] * 5 + [True] * 9 + [False])
    curve = reliability("r", probability[[0, 1, 2]], right[[0, 10, 20]]).curves[0]
    assert curve.x == pytest.approx((0.1, 0.1, 0.1))
    whole = reliability("r", np.full(10, 0.5), np.arange(10) < 5).curves[0]
    assert np.mean(whole.y) == 0.5
    # Wilson's interval of 5 in 10, as in Newcombe, Statistics in Medicine 17, 1998: .237 to .763
    from xret.eval.reports.chances import _wilson

    assert _wilson(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert _wilson(0.0, 10)[0] == 0.0 and _wilson(1.0, 10)[1] == 1.0


def test_the_best_are_drawn_and_all_are_told() -> None:
    many = [
        System(name=f"s{n}", scores=RunScores(("AP",), pa.array(["q0", "q1"]), np.full((2, 1), n / 20)))
        for n in range(SHOWN + 3)
    ]
    assert [system.name for system in shown(many, "AP")] == [f"s{n}" for n in range(3, SHOWN + 3)]
    report = evaluation_report(many, languages={"q0": "de", "q1": "en"})
    assert len(table(report, "Means over the queries").rows) == SHOWN + 3
    bars = blocks(report, Bars)[0]
    assert isinstance(bars, Bars) and len(bars.series) == SHOWN and "The 8 best of 11 systems" in bars.description


def test_same_report_every_time(report: Report, systems: list[System]) -> None:
    again = evaluation_report(systems, languages=QUERIES, qrels=data(0, 0)[1], documents=DOCUMENTS, date="2026-11-21")
    for render in (report_text, report_markdown, report_latex):
        assert render(again) == render(report)


@pytest.mark.parametrize(("names", "said"), [([], "no systems"), (["a", "a"], "two systems are called 'a'")])
def test_bad_systems(names: Sequence[str], said: str) -> None:
    scores = RunScores(("AP",), pa.array(["q0"]), np.zeros((1, 1)))
    with pytest.raises(UsageError, match=said):
        evaluation_report([System(name=name, scores=scores) for name in names])
