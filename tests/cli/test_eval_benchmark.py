"""`xret eval benchmark`: what it tells, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.eval.benchmarks.makers import MAKERS, miracl


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    miracl(tmp_path)
    for lang, found in (("sw", "0#0"), ("yo", "1#0")):
        Path(tmp_path / f"run.{lang}").write_text(f"7#1 Q0 {found} 1 2 me\n7#1 Q0 2#0 2 1 me\n7#2 Q0 3#0 1 1 me\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_name_alone_tells_where_the_data_comes_from(cli: Cli) -> None:
    found = cli("eval", "benchmark", "miracl")
    assert found.code == 0
    for part in (
        "nDCG@10",
        "huggingface.co/datasets/miracl",
        "Apache-2.0",
        "qrels.miracl-v1.0-LL-SPLIT.tsv",
        "splits dev,",
    ):
        assert part in found.out
    told = json.loads(cli("eval", "benchmark", "neuclir", "--json").out)
    assert told["splits"] == ["2022", "2023"]


def test_counts_hashes_and_definition(here: Path, cli: Cli) -> None:
    found = cli("eval", "benchmark", "miracl", here)
    assert found.code == 0, found.err
    for part in ("miracl/sw/dev", "miracl/yo/dev", "documents     4 (sw 4)", "3 (1 of 0, 2 of 1) for 2 queries",
                 "hashes        corpus ", "trec_eval: score descending"):  # fmt: skip
        assert part in found.out
    told = json.loads(cli("eval", "benchmark", "miracl", here, "--lang", "sw", "--json").out)
    assert told[0]["judgements"]["labels"] == {"0": 1, "1": 2}
    assert len(told[0]["hashes"]["corpus"]) == 64


def test_runs_are_scored_and_saved(here: Path, cli: Cli) -> None:
    files = ("--save", "a.json", "--per-query", "q.csv", "--numbers", "n.csv", "--report", "r.md")
    found = cli("eval", "benchmark", "miracl", here, "run.sw", "--lang", "sw", *files)
    assert found.code == 0, found.err
    assert "protocol miracl" in found.out
    assert json.loads(Path("a.json").read_text())["measures"] == {"nDCG@10": 1.0, "R@100": 1.0}
    assert Path("q.csv").read_text().startswith('"system","benchmark","qid","lang","measure","value","topic"')
    assert "miracl/sw/dev" in Path("r.md").read_text()
    assert '"all","nDCG@10",1' in Path("n.csv").read_text()
    both = json.loads(cli("eval", "benchmark", "miracl", here, "sw=run.sw", "yo=run.yo", "-m", "AP", "--json").out)
    assert both["runs"][0]["measures"] == {"nDCG@10": 0.75, "R@100": 0.75, "AP": 0.75}
    assert [row["lang"] for row in both["runs"][0]["languages"]] == ["sw", "yo", "macro", "micro"]
    named = cli("eval", "benchmark", "miracl", here, "sw=run.sw", "yo=run.yo", "--system", "mine", "--save", "b.json")
    assert named.code == 0 and json.loads(Path("b.json").read_text())["system"] == "mine", named.err


def test_exported_data_is_indexed_searched_and_scored_alike(here: Path, cli: Cli) -> None:
    assert cli("eval", "benchmark", "miracl", here, "--lang", "sw", "--export", "out").code == 0
    assert cli("index", "build", "out/docs.parquet", "-o", "ix", "--kind", "lexical").code == 0
    search = cli("search", "ix", "--queries", "out/queries.tsv", "-k", "3", "--format", "trec", "-o", "found.trec")
    assert search.code == 0, search.err
    ours = json.loads(cli("eval", "benchmark", "xret", "out", "found.trec", "--json", "-m", "nDCG@10").out)
    plain = json.loads(cli("eval", "run", "out/qrels.txt", "found.trec", "-m", "nDCG@10", "--json").out)
    assert ours["runs"][0]["measures"]["nDCG@10"] == plain["runs"][0]["measures"]["nDCG@10"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["miracl", ".", "run.sw"], 2, "has sw, yo; say which with --lang"),
        (["miracl", ".", "sw=run.sw", "run.yo"], 2, "give every run as LANG=RUN"),
        (["miracl", ".", "none.trec", "--lang", "sw"], 1, "none.trec: no such file"),
        (["miracl", "none"], 1, "none: no such file or folder"),
        (["miracl", ".", "--export", "out"], 2, "has sw, yo; say which with --lang"),
        (["miracl", ".", "--lang", "de"], 1, "no queries; tried topics.miracl-v1.0-de-dev.tsv"),
        (["miracl", ".", "--lang", "sw", "--qrels", "run.sw"], 1, "run.sw:1: has 6 fields, wanted 4"),
        (["miracl", ".", "--lang", "sw", "--export", "miracl"], 1, "miracl: exists already"),
        (["miracl", ".", "run.sw", "run.yo", "--lang", "sw", "--save", "a.json"], 2, "--save writes one row"),
        (
            ["miracl", ".", "run.sw", "run.yo", "--lang", "sw", "--system", "x"],
            2,
            "--system names one system, and there",
        ),
        (["miracl", ".", "--lang", "sw", "--numbers", "n.csv"], 2, "--numbers is of runs, and there is none"),
        (["mirakl"], 2, "did you mean 'miracl'"),
    ],
)
def test_mistakes(here: Path, cli: Cli, arguments: list[str], code: int, message: str) -> None:
    assert here.exists()
    found = cli("eval", "benchmark", *arguments)
    assert (found.code, found.out) == (code, "")
    assert message in found.err
    assert len(found.err.strip().splitlines()) == 1


def test_every_name_of_the_help_is_there(cli: Cli) -> None:
    text = " ".join(cli("eval", "benchmark", "--help").out.split())
    for name in MAKERS:
        assert f"{name} " in text or f"{name}," in text
