"""`xret eval calibration`, and what it writes in `xret fuse --calibrate`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

LANGUAGES = {"de": 0.2, "en": 0.0, "zh": -0.3}  # what a language's scores are ahead by
TOPICS = 60


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run in which languages differ by their scores alone; every topic's documents are parallel."""
    monkeypatch.chdir(tmp_path)
    rows, qrels, docs, queries = [], [], [], []
    for topic in range(TOPICS):
        queries.append({"id": f"q{topic}", "lang": "de", "text": "words"})
        for lang, lead in LANGUAGES.items():
            docs.append({"id": f"{topic}@{lang}", "lang": lang, "text": "words"})
            qrels.append(f"q{topic} 0 {topic}@{lang} 1\n")
            for step in range(6):
                other = (topic + step * (step + topic)) % TOPICS if step else topic
                rows.append((f"q{topic}", f"{other}@{lang}", 1 + lead - 0.1 * (other != topic) - 0.001 * step))
    Path("run.trec").write_text("".join(f"{q} Q0 {d} 0 {s} t\n" for (q, d), s in {r[:2]: r[2] for r in rows}.items()))
    Path("qrels.txt").write_text("".join(qrels))
    Path("docs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in docs))
    Path("queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in queries))


def test_effectiveness_beside_fairness(cli: Cli) -> None:
    line = "eval calibration qrels.txt run.trec --corpus docs.jsonl -m nDCG@3"
    called = cli(*line.split(), "--queries", "queries.jsonl", "--save", "map.json")
    assert called.code == 0, called.err
    lines = called.out.splitlines()
    assert lines[0].split("  ")[-1] == "least share" and lines[0].split()[:3] == ["method", "nDCG@3", "PEER@20"]
    assert [each.split()[0] for each in lines[2:]] == [
        "raw", "zscore", "minmax", "rrf", "round-robin", "quota", "logistic", "logistic-pooled",
    ]  # fmt: skip
    assert all(each.split()[2] == "undefined" for each in lines[2:]), "one document a language"
    score = {each.split()[0]: float(each.split()[1]) for each in lines[2:]}
    assert score["raw"] < 0.8 and score["round-robin"] == score["minmax"] == 1 and score["logistic"] > 0.99
    assert f"map.json: fitted on {TOPICS} queries of run.trec" in called.err
    told = json.loads(cli(*line.split(), "--method", "logistic", "--method", "raw", "--json").out)
    (run,) = told["runs"]
    assert [one["method"] for one in run["methods"]] == ["logistic", "raw"]
    raw = run["methods"][1]
    assert raw["fairness"]["PEER@20"] is None and raw["defined"]["PEER@20"] == 0
    assert raw["fairness"]["W"] == pytest.approx(1) and [row["lang"] for row in raw["languages"]] == ["de", "en", "zh"]
    assert [row["standing"] for row in raw["languages"]] == [0, 0.5, 1]


def test_what_is_saved_is_for_calibrate(cli: Cli) -> None:
    fit = "eval calibration qrels.txt run.trec --corpus docs.jsonl --method raw --save map.json"
    assert cli(*fit.split()).code == 0
    fair = "fuse run.trec --calibrate map.json --corpus docs.jsonl --depth 3 -o fair.trec"
    called = cli(*fair.split())
    assert (called.code, called.err) == (0, f"fair.trec: {3 * TOPICS} documents for {TOPICS} queries\n")
    first = [line.split() for line in Path("fair.trec").read_text().splitlines()]
    assert {docid.split("@")[0] == qid[1:] for qid, _, docid, *_ in first} == {True}
    assert {line[5] for line in first} == {"logistic"}
    quota = "fuse run.trec --calibrate quota --prior zh=3,en=1 --corpus docs.jsonl --depth 4 -o -"
    shown = [line.split()[2].split("@")[1] for line in cli(*quota.split()).out.splitlines()[:4]]
    assert sorted(shown) == ["en", "zh", "zh", "zh"]


def test_what_the_files_say_of_languages_is_used(cli: Cli) -> None:
    """A run that knows the documents' languages fused with one that does not, and queries for the saved map."""
    rows = [line.split() for line in Path("run.trec").read_text().splitlines()]
    known = [{"qid": q, "docid": d, "score": float(s), "dlang": d.split("@")[1]} for q, _, d, _, s, _ in rows]
    Path("dense.jsonl").write_text("".join(json.dumps(row) + "\n" for row in known if str(row["docid"]) < "3"))
    fair = "fuse dense.jsonl run.trec --calibrate quota --prior zh=1 -o -"
    called = cli(*fair.split())
    assert called.code == 1 and "rows are without); give the corpus" in called.err
    called = cli(*fair.split(), "--corpus", "docs.jsonl")
    assert called.code == 0 and called.out.splitlines()[0].split()[2].endswith("@zh")
    fit = "eval calibration qrels.txt run.trec --corpus docs.jsonl --method raw --queries queries.jsonl --save map.json"
    assert cli(*fit.split()).code == 0
    fair = "fuse run.trec --calibrate map.json --corpus docs.jsonl -o fair.trec"
    called = cli(*fair.split())
    assert called.code == 1 and "give their languages" in called.err
    assert cli(*fair.split(), "--queries", "queries.jsonl").code == 0
    called = cli(
        *["fuse", "run.trec", "--calibrate", "quota", "--prior", "zh=1,fr=1", "--corpus", "docs.jsonl", "-o", "x.trec"]
    )
    assert called.code == 0 and "no document is in fr" in called.err


def test_options_of_merging_are_obeyed(cli: Cli) -> None:
    def scores(line: str) -> list[float]:
        called = cli(*line.split())
        assert called.code == 0, called.err
        return [float(row.split()[4]) for row in called.out.splitlines()]

    assert scores("fuse run.trec -o - --calibrate rrf -k 1 --corpus docs.jsonl --depth 1")[0] == pytest.approx(1)
    assert scores("fuse run.trec -o - --method minmax --calibrate raw --corpus docs.jsonl --depth 1")[0] == 1
    Path("odd.trec").write_text("q1 Q0 0@de 1 inf t\nq1 Q0 0@en 2 1 t\n")
    assert len(scores("fuse odd.trec -o - --method rrf --calibrate raw --corpus docs.jsonl")) == 2


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("eval calibration qrels.txt run.trec", 1, "does not say the languages"),
        ("eval calibration qrels.txt run.trec --corpus queries.jsonl", 1, "of the run is not among the 60 ids"),
        ("eval calibration qrels.txt run.trec --corpus docs.jsonl --vectors v", 2, "all four"),
        ("eval calibration qrels.txt run.trec --corpus docs.jsonl --save qrels.txt", 2, "would overwrite"),
        ("eval calibration qrels.txt run.trec --corpus docs.jsonl --pooled", 2, "--pooled is for --save"),
        ("eval calibration qrels.txt run.trec --corpus docs.jsonl --folds 1", 2, "1 is not in the range"),
        ("eval calibration qrels.txt run.trec --corpus docs.jsonl --prior de", 2, "'de' is no share"),
        ("fuse run.trec -o x --calibrate zscor", 2, "did you mean 'zscore'?"),
        ("fuse run.trec -o x --calibrate logistic", 2, "needs its weights"),
        ("fuse run.trec -o x --calibrate docs.jsonl --corpus docs.jsonl", 1, "no map from scores to relevance"),
        ("fuse run.trec -o x --prior de=1", 2, "--prior is for --calibrate quota"),
        ("fuse run.trec -o x --calibrate quota --prior de=-1", 2, "prior has de=-1.0"),
        ("eval calibration qrels.txt run.trec --corpus docs.jsonl --method raw --prior de=1", 2, "--prior is for"),
        ("eval calibration qrels.txt run.trec --corpus docs.jsonl --source de", 2, "--source is for SHIFT"),
        ("eval calibration qrels.txt run.trec --corpus docs.jsonl --save nosuch/map.json", 1, "no folder 'nosuch'"),
        ("fuse run.trec -o x --calibrate quota --prior de=1,de=3", 2, "'de' has two shares"),
        ("fuse run.trec -o x --calibrate quota --prior fr=1 --corpus docs.jsonl", 2, "no document is in fr; those"),
        ("fuse run.trec run.trec -o x --method zscore -k 10", 2, "-k is the constant of rrf, and this is zscore"),
        ("fuse run.trec -o x --calibrate zscore -k 10", 2, "and this is zscore; leave it out"),
        ("fuse run.trec -o nosuch/x", 1, "no folder 'nosuch'"),
        ("fuse run.trec -o x --queries queries.jsonl", 2, "--queries is for --calibrate"),
        ("fuse run.trec -o x --corpus docs.jsonl", 2, "--corpus is for --calibrate"),
        ("fuse run.trec run.trec -o x --weight 1", 2, "1 weights for 2 runs"),
    ],
)
def test_mistakes(cli: Cli, line: str, code: int, message: str) -> None:
    called = cli(*line.split())
    assert (called.code, called.out) == (code, ""), called.err
    assert message in called.err and "Traceback" not in called.err and not Path("x").exists()
