"""Reports of scored rows, and published numbers: what may stand in one table, and what may not."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest

from xret.errors import UsageError
from xret.eval.protocols import PROTOCOLS, Protocol, Scored
from xret.eval.published import baselines, beside, elsewhere
from xret.eval.reports import calibrations_report, pairs_report, rows_report
from xret.eval.reports.systems import of_row
from xret.eval.statistics import compare_runs
from xret.reports import Counts, Curves, Note, Report, Table, report_text
from xret.reports.bins import bins_of, counted

MRTYDI = PROTOCOLS["mrtydi"]
MEAN = "mrtydi/ar+bn+en+fi+id+ja+ko+ru+sw+te+th/test"


def row(system: str, *, protocol: Protocol = MRTYDI, benchmark: str = "mrtydi/ar/test", shift: float = 0.0) -> Scored:
    values = np.random.default_rng(1).random(20) * 0.5 + shift
    table = pa.table({"qid": [f"q{n}" for n in range(20)] * 1, "lang": ["ar"] * 20, "measure": [protocol.headline] * 20,
                      "value": values})  # fmt: skip
    means = {protocol.headline: float(values.mean()), "extra": 0.5}
    return Scored(system=system, benchmark=benchmark, protocol=protocol, measures=means, per_query=table,
                  hashes={"qrels": benchmark, "model": system})  # fmt: skip


def tables(report: Report) -> list[Table]:
    return [block for section in report.sections for block in section.blocks if isinstance(block, Table)]


def test_published_numbers_are_whole() -> None:
    """Each has all it needs; the means that were published are the means of the languages that were published."""
    seen = set()
    for one in baselines():
        assert 0 < float(one.value) < 1 and re.fullmatch(r"0\.\d{2,4}", one.value), one
        assert re.fullmatch(r"20(1[5-9]|2[0-6])", one.year) and re.fullmatch(r"2026-\d\d(-\d\d)?", one.looked_up)
        assert one.system and one.source and one.checked
        assert not one.protocol or one.protocol in PROTOCOLS
        key = (one.benchmark, one.system, one.measure, one.source)
        assert key not in seen, key
        seen.add(key)
    groups: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
    doubted = {one for one in baselines() if "but those it lists average" in one.note}  # as it stands in the source
    for one in set(baselines()) - doubted:
        groups[one.protocol, one.system, one.measure, one.source][one.benchmark] = float(one.value)
    checked = 0
    for (protocol, *_), values in groups.items():
        parts = {name: value for name, value in values.items() if name.startswith(f"{protocol}/") and "+" not in name}
        whole = [value for name, value in values.items() if "+" in name]
        if len(parts) > 3 and whole:
            assert np.mean(list(parts.values())) == pytest.approx(whole[0], abs=0.0011)
            checked += 1
    assert checked >= 20


def test_published_numbers_stand_beside_their_own_kind_alone() -> None:
    assert {one.measure for one in beside(MRTYDI, MEAN, MRTYDI.measures)} == {"RR@100", "R@100"}
    assert not beside(MRTYDI, MEAN, ["nDCG@10"]) and not beside(MRTYDI, "mrtydi/xx/test", MRTYDI.measures)
    assert beside(MRTYDI, "mrtydi/th+ar+bn+en+fi+id+ja+ko+ru+sw+te/test", ["R@100"])
    other = dataclasses.replace(MRTYDI, depth=50)
    assert other.identity != MRTYDI.identity and not beside(other, MEAN, MRTYDI.measures)
    assert elsewhere(MRTYDI, MEAN) > 50
    report = rows_report([row("mine")])
    [table] = [table for table in tables(report) if table.title.startswith("Published")]
    assert {line[0] for line in table.rows} == {"RR@100"} and [table.rows[n][1] for n in table.own] == ["mine"]
    values = [float(str(line[2])) for line in table.rows]
    assert values == sorted(values, reverse=True) and len(values) == 7
    varied = rows_report([row("mine", protocol=other)])
    assert not [table for table in tables(varied) if table.title.startswith("Published")]
    assert any(
        "No published numbers" in note.text
        for part in varied.sections
        for note in part.blocks
        if isinstance(note, Note)
    )


def test_unlike_rows_never_share_a_table() -> None:
    rows = [row("a"), row("b", shift=0.4), row("a", benchmark="mrtydi/bn/test"),
            row("a", protocol=dataclasses.replace(MRTYDI, depth=50))]  # fmt: skip
    report = rows_report(rows)
    means = [table for table in tables(report) if table.title == "Means over the queries"]
    assert [[line[0] for line in table.rows] for table in means] == [["a", "b"], ["a"], ["a"]]
    assert [section.title for section in report.sections] == [
        "mrtydi/ar/test (mrtydi)", "mrtydi/bn/test (mrtydi)", "mrtydi/ar/test (mrtydi)",
    ]  # fmt: skip
    assert means[0].columns == ("system", "RR@100", "low", "high", "extra")
    assert ("hash of model of b", "b") in report.provenance and any(name == "numpy" for name, _ in report.provenance)
    with pytest.raises(UsageError, match="two systems are called 'a'"):
        rows_report([row("a"), row("a")])
    with pytest.raises(UsageError, match="no rows to report on"):
        rows_report([])


def test_means_over_languages_have_intervals_of_their_own() -> None:
    def two(system: str, shift: float) -> Scored:
        one = row(system)
        langs, values = ["ar"] * 4 + ["sw"] * 16, np.array([0.9, 0.8, 0.7, 1.0] + [0.1, 0.2] * 8) + shift
        columns = [one.per_query["qid"], langs, one.per_query["measure"], values]
        table = pa.table(dict(zip(("qid", "lang", "measure", "value"), columns, strict=True)))
        means = {MRTYDI.headline: float((values[:4].mean() + values[4:].mean()) / 2)}
        return dataclasses.replace(one, per_query=table, measures=means)

    report = rows_report([two("a", 0.0), two("b", -0.05)])
    [means] = [table for table in tables(report) if table.title == "Means over the languages"]
    for _, mean, low, high in means.rows:
        assert isinstance(mean, float) and isinstance(low, float) and isinstance(high, float) and low < mean < high
    [numbers] = [table for table in tables(report) if table.title.endswith("in numbers")]
    assert numbers.rows[0][2] == pytest.approx(-0.05) and "over 2 languages" in numbers.note


def test_translations_of_one_query_are_drawn_together() -> None:
    topics = {f"q{n}": f"t{n // 4}" for n in range(16)}  # the last four are topics of their own

    def told(system: str, shift: float, known: Mapping[str, str]) -> Scored:
        one = row(system)
        values = one.per_query["value"].to_numpy() + shift * np.random.default_rng(2).random(20)
        of_query = [known.get(qid) for qid in one.per_query["qid"].to_pylist()]
        names = {"value": values, "topic": pa.array(of_query, pa.string())}
        table = pa.table({**dict(zip(one.per_query.column_names, one.per_query.columns, strict=True)), **names})
        means = {MRTYDI.headline: float(values.mean())}
        return dataclasses.replace(one, per_query=table, measures=means, topics="by hand" if known else "")

    rows = [told("a", 0.0, {}), told("b", 0.1, topics)]  # one was scored before rows had topics
    systems = {row.system: of_row(row).scores for row in rows}
    wanted = compare_runs(systems, topics=(topics, "by hand"))
    made = tables(rows_report(rows))
    [means] = [table for table in made if table.title == "Means over the queries"]
    ends = wanted.intervals.select(["system", "mean", "low", "high"]).to_pylist()
    assert [tuple(each.values()) for each in ends] == [line[:4] for line in means.rows]
    assert "over 8 topics (by hand)" in means.note
    [numbers] = [table for table in made if table.title.endswith("in numbers")]
    [seen] = wanted.differences.to_pylist()
    assert numbers.rows[0][2:6] == tuple(seen[name] for name in ("difference", "low", "high", "p"))
    assert "over 8 topics (by hand)" in numbers.note
    for known in ({}, {qid: qid for qid in topics}, {f"q{n}": "one" for n in range(20)}):
        [plain] = [table for table in tables(rows_report([told("a", 0.0, known)])) if table.title.startswith("Means")]
        assert "topics" not in plain.note, "as many topics as queries, or a single one: queries are drawn"


def test_hashes_of_different_data_are_all_told() -> None:
    rows = [row("a"), dataclasses.replace(row("b"), hashes={"qrels": "other", "run": "r"})]
    told = dict(rows_report(rows).provenance)
    assert told["hash of qrels of mrtydi/ar/test"] == "mrtydi/ar/test"
    assert told["hash of qrels of mrtydi/ar/test with b"] == "other" and told["hash of run of b"] == "r"


def test_what_is_best_depends_on_the_measure() -> None:
    shares = {"a": (0.9, 40.0, 0.2, 0.5), "b": (0.45, 3.0, 0.1, 0.6)}
    names = ("own-first", "distance", "error", "LPR")
    empty = row("a").per_query.slice(0, 0)
    rows = [
        dataclasses.replace(row(system), measures=dict(zip(names, values, strict=True)), per_query=empty)
        for system, values in shares.items()
    ]
    [means] = [table for table in tables(rows_report(rows)) if table.title.startswith("Means")]
    assert means.leading() == {(1, 1), (1, 2), (1, 3)}


def test_rows_without_queries_show_what_they_know() -> None:
    plain = dataclasses.replace(row("a"), per_query=row("a").per_query.slice(0, 0),
                                by_language=pa.table({"lang": ["ar"], "RR@100": [0.5]}))  # fmt: skip
    titles = [table.title for table in tables(rows_report([plain, row("b")]))]
    assert "Means over the queries" in titles and "Differences of RR@100, in numbers" not in titles
    assert "By language" in [table.title for table in tables(rows_report([plain]))]


def test_pairs() -> None:
    score = np.linspace(2, 1, 101)
    pairs = pa.table({"score": score, "src_id": [f"s{n}" for n in range(101)], "tgt_id": [f"t{n}" for n in range(101)],
                      "probability": np.linspace(1, 0, 101)})  # fmt: skip
    gold = pa.table({"src_id": [f"s{n}" for n in range(0, 60)], "tgt_id": [f"t{n}" for n in range(0, 60)]})
    report = pairs_report(pairs, gold)
    blocks = [block for section in report.sections for block in section.blocks]
    [bars] = [block for block in blocks if isinstance(block, Counts)]
    assert [sum(one.values) for one in bars.series] == [60, 41] and bars.threshold == pytest.approx(1.405)
    curve, reliable = (block for block in blocks if isinstance(block, Curves))
    assert curve.curves[0].y[0] == 1.0 and (curve.curves[0].x[-1], curve.curves[0].y[-1]) == pytest.approx(
        (1.0, 60 / 101)
    )
    assert reliable.diagonal and len(reliable.curves[0].x) == 10
    alone = pairs_report(pairs.select(["score", "src_id", "tgt_id"]))
    assert [type(block) for section in alone.sections for block in section.blocks] == [Counts]
    assert "none" not in report_text(pairs_report(pairs.slice(0, 0), gold)).lower().split("correct")[0]


def test_bins() -> None:
    values = np.random.default_rng(0).normal(1.1, 0.1, 1000)
    edges = bins_of(values)
    assert 10 <= len(edges) - 1 <= 40 and edges[1] - edges[0] == pytest.approx(0.02)
    assert sum(counted(values, edges)) == 1000 and counted(np.array([-9.0, 9.0]), edges)[0] == 1
    assert (
        bins_of(np.array([])) == counted(np.array([]), ()) == () and sum(counted(np.ones(5), bins_of(np.ones(5)))) == 5
    )


def test_calibrations() -> None:
    from tests.eval.reports.test_evaluation_report import DOCUMENTS, data
    from xret.stages.merging.compare import compare

    run, qrels = data(3, 0.5)
    lang = dict(zip(DOCUMENTS["docid"].to_pylist(), DOCUMENTS["lang"].to_pylist(), strict=True))
    run = run.append_column("dlang", [[lang[docid] for docid in run["docid"].to_pylist()]])
    found = {"run": compare(run, qrels, DOCUMENTS, ["raw", "zscore", "minmax"])}
    report = calibrations_report(found)
    [table] = [table for table in tables(report) if table.title == "Calibrations of run"]
    assert [line[0] for line in table.rows] == ["raw", "zscore", "minmax"]
    assert [line[1] for line in table.rows] == [one.measures["nDCG@20"] for one in found["run"]]
    assert report.sections[0].title == "Effectiveness against fairness"
