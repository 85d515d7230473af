"""`xret demo`, the sample it shows, and the tables it shows it in."""

from __future__ import annotations

import collections
import json
import socket
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.conftest import Cli
from xret.cli.table import clip, render, width
from xret.sample import ALIGNED, FILES, sample_path


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the demo must not use the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_the_demo_does_all_three_jobs_and_names_next_steps(cli: Cli) -> None:
    called = cli("demo")
    assert (called.code, called.err) == (0, "")
    for heading in ("1  MINING", "2  SEARCH", "3  EVALUATION", "NEXT"):
        assert f"\n{heading}" in called.out
    assert max(map(width, called.out.splitlines())) <= 100
    assert called.out.count("✓") > 10 and "nDCG@10" in called.out


def test_the_demo_is_worth_showing(cli: Cli) -> None:
    facts = json.loads(cli("demo", "--json").out)
    mined = {row["measure"]: row["value"] for row in facts["mining"]["report"] if row["slice"] == "best"}
    scores = {row["measure"]: row["value"] for row in facts["evaluation"] if row["slice"] == "all"}
    assert mined["F1"] > 0.85
    assert scores["nDCG@10"] > 0.5 and scores["RR"] > 0.65
    assert len(facts["mining"]["pairs"]) == 10 and {hit["qid"] for hit in facts["search"]}


def test_the_exported_sample_runs_as_it_is(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "sample"
    called = cli("demo", "--export", folder)
    assert [Path(line).relative_to(folder).as_posix() for line in called.out.splitlines()] == [*FILES, *ALIGNED]
    monkeypatch.chdir(folder)
    for job, made in (("mine", "pairs.tsv"), ("search", "run.trec"), ("eval", "eval-report.json")):
        first = json.loads(cli("run", f"{job}.toml", "--json").out)
        assert {stage["status"] for stage in first["stages"]} == {"computed"} and Path(made).stat().st_size
        again = json.loads(cli("run", f"{job}.toml", "--json").out)
        assert {stage["status"] for stage in again["stages"]} == {"cached"}
    assert cli("demo", "--export", folder).code == 1


def test_the_sample_is_what_it_says() -> None:
    sides = {lang: sample_path(f"news.{lang}.txt").read_text().splitlines() for lang in ("de", "en")}
    gold = [tuple(map(int, line.split("\t"))) for line in sample_path("gold.tsv").read_text().splitlines()]
    assert [len(set(side)) for side in sides.values()] == [120, 120] and len(gold) == 60
    assert all(len({pair[n] for pair in gold}) == 60 and {pair[n] for pair in gold} <= {*range(1, 121)} for n in (0, 1))
    assert sum(src == tgt for src, tgt in gold) < 5  # shuffled

    documents = [json.loads(line) for line in sample_path("docs.jsonl").read_text().splitlines()]
    subjects = collections.Counter(document["id"].rsplit("-", 1)[0] for document in documents)
    assert len(documents) == 150 and len(subjects) == 30 and set(subjects.values()) == {5}
    assert all(document["id"].rsplit("-", 1)[1] == document["lang"] for document in documents)
    assert len({document["lang"] for document in documents}) == 16

    _, *queries = (line.split("\t") for line in sample_path("queries.tsv").read_text().splitlines())
    qrels = [line.split() for line in sample_path("qrels.txt").read_text().splitlines()]
    assert len(queries) == 30 and len({lang for *_, lang in queries}) == 14
    for qid, *_ in queries:
        judged = {docid for query, _, docid, _ in qrels if query == qid}
        assert len(judged) == 5 and len({docid.rsplit("-", 1)[0] for docid in judged}) == 1


def test_every_text_is_normalised_and_in_the_script_of_its_language() -> None:
    script = {"ru": "CYRILLIC", "uk": "CYRILLIC", "el": "GREEK", "ar": "ARABIC", "hi": "DEVANAGARI", "ko": "HANGUL"}
    for line in sample_path("docs.jsonl").read_text().splitlines():
        document = json.loads(line)
        letters = [unicodedata.name(each) for each in document["text"] if each.isalpha()]
        wanted = script.get(document["lang"], "CJK" if document["lang"] == "zh" else "")
        assert all(name.startswith(wanted) for name in letters), document["id"]
        assert unicodedata.is_normalized("NFC", document["text"]) or document["lang"] == "hi"


@given(st.text(max_size=30), st.integers(1, 20))
def test_clipped_text_fits(text: str, columns: int) -> None:
    clipped = clip(text, columns)
    assert width(clipped) <= columns and "\n" not in clipped
    assert clipped.endswith("…") or clipped == " ".join(text.split())


def test_columns_line_up_whatever_the_script() -> None:
    rows = [("緑茶", 1), ("हिन्दी", 20), ("plain", 300)]
    lines = render(rows, ("text", "n"), right=(1,)).splitlines()
    assert {width(line) for line in lines} == {width(lines[0])}
    assert [width("緑茶"), width("é"), width("e\u0301"), width("ab\u200b")] == [4, 1, 1, 2]
