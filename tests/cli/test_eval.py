"""`xret eval …`: what it prints, as tables and as JSON, and what it says of bad input."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import CliRunner

import xret.cli.eval_tatoeba
import xret.encoders
from xret.cli.eval import evaluate
from xret.errors import XretError

QRELS = "1 0 a 1\n1 0 b 0\n2 0 b 2\n3 0 c 1\n"
RUN = "1 Q0 a 1 0.9 one\n1 Q0 b 2 0.8 one\n2 Q0 a 1 0.5 one\n2 Q0 b 2 0.5 one\n"
OTHER = "1 Q0 b 1 0.9 two\n1 Q0 a 2 0.8 two\n"
GERMAN = ["ein alter Apfel", "zwei Zitronen", "drei Dampfer", "vier Vulkane", "hundert Hunde"]
ENGLISH = ["an old apple", "two lemons", "three steamers", "four volcanoes", "a hundred hounds"]


class Letters:
    """A stand-in encoder: counts of letters."""

    name = "letters"

    def encode(
        self,
        texts: Sequence[str],
        *,
        role: str | None = None,
        lang: Sequence[str] | None = None,
        progress: bool = False,
    ) -> npt.NDArray[np.float32]:
        assert lang is not None  # models that are told the language need it from every protocol
        assert len(lang) == len(texts)
        counts = np.array(
            [[text.lower().count(chr(97 + letter)) for letter in range(26)] for text in texts], np.float32
        )
        return np.asarray(counts / np.linalg.norm(counts, axis=1, keepdims=True), np.float32)


@pytest.fixture(autouse=True)
def _sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(xret.encoders, "load_encoder", lambda *_, **__: Letters())
    contents = {
        "qrels.txt": QRELS,
        "run.trec": RUN,
        "run2.trec": OTHER,
        "queries.jsonl": '{"id": "1", "text": "eins", "lang": "de"}\n{"id": "2", "text": "deux", "lang": "fr"}\n',
        "gold.tsv": "d1\te1\nd2\te2\n",
        "foreign.tsv": "1\t1\n2\t2\n3\t3\n",
        "pairs.tsv": "1.2\td1\te1\teins\tone\n1.0\td2\te9\tzwei\tnine\n",
        "de.txt": "\n".join(GERMAN),
        "en.txt": "\n".join(ENGLISH),
    }
    for name, text in contents.items():
        Path(name).write_text(text)
    columns = {"lang": ["deu"] * 5, "line": list(range(5)), "eng": ENGLISH, "text": GERMAN}
    pa.parquet.write_table(pa.table(columns), "tatoeba.parquet")


def call(*arguments: str) -> str:
    result = CliRunner().invoke(evaluate, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def call_json(*arguments: str) -> Any:
    return json.loads(call(*arguments, "--json"))


def test_runs_stand_side_by_side() -> None:
    lines = call("run", "qrels.txt", "run.trec", "run2.trec", "-m", "RR", "-m", "nDCG@20").splitlines()
    assert [line.split() for line in lines if "─" not in line] == [
        ["run", "RR", "nDCG@20"],
        ["run.trec", "0.6667", "0.6667"],  # query 2: equal scores, so b stands before a
        ["run2.trec", "0.1667", "0.2103"],
    ]


def test_languages_of_queries_are_broken_down() -> None:
    found = call_json("run", "qrels.txt", "run.trec", "-m", "RR", "--queries", "queries.jsonl")
    assert found["queries"] == 3
    assert found["runs"][0]["measures"] == {"RR": 2 / 3}
    assert {row["lang"]: row["RR"] for row in found["runs"][0]["languages"]} == {
        "de": 1.0,
        "fr": 1.0,
        "und": 0.0,
        "macro": 2 / 3,
        "micro": 2 / 3,
    }
    assert "by language of the query" in call("run", "qrels.txt", "run.trec", "--queries", "queries.jsonl")


def test_values_per_query_are_written() -> None:
    call("run", "qrels.txt", "run.trec", "run2.trec", "-m", "RR", "--per-query", "out.tsv")
    lines = Path("out.tsv").read_text().splitlines()
    assert lines[:2] == ["run\tqid\tmeasure\tvalue", "run.trec\t1\tRR\t1.0"]
    assert len(lines) == 1 + 2 * 3
    call("run", "qrels.txt", "run.trec", "-m", "RR", "--per-query", "out.parquet")
    assert pa.parquet.read_table("out.parquet")["value"].to_pylist() == [1.0, 1.0, 0.0]


def test_bitext_gives_the_given_and_the_best_threshold() -> None:
    found = call_json("bitext", "gold.tsv", "pairs.tsv")
    assert (found["given"]["precision"], found["given"]["f1"], found["given"]["threshold"]) == (0.5, 0.5, None)
    assert (found["best"]["f1"], found["best"]["threshold"]) == (pytest.approx(2 / 3), pytest.approx(1.1))
    assert call_json("bitext", "gold.tsv", "pairs.tsv", "--threshold", "1.1")["given"]["precision"] == 1.0
    assert "best threshold" in call("bitext", "gold.tsv", "pairs.tsv")


@pytest.mark.parametrize("name", ["none.tsv", "none.jsonl", "none.tsv.gz"])
def test_no_pairs_at_all_score_nothing(name: str) -> None:
    Path(name).write_bytes(b"")
    found = call_json("bitext", "gold.tsv", name)
    assert (found["given"]["precision"], found["given"]["recall"], found["given"]["f1"]) == (0, 0, 0)
    assert (found["given"]["extracted"], found["given"]["gold"], found["best"]) == (0, 2, None)
    assert "best threshold" not in call("bitext", "gold.tsv", name)


def test_tatoeba_gives_languages_and_means() -> None:
    found = call_json("tatoeba", "tatoeba.parquet")
    assert found["encoder"] == "letters"
    assert found["languages"][0]["lang"] == "de"
    assert found["all"]["mean"] == found["languages"][0]["mean"]
    assert "to_en" in call("tatoeba", "tatoeba.parquet", "--langs", "de")


def test_tatoeba_gives_the_mean_over_the_main_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {"lang": ["deu", "war"], "line": [0, 0], "eng": ["one", "two"], "text": ["one", "xx"]}
    pa.parquet.write_table(pa.table(columns), "tatoeba.parquet")
    monkeypatch.setattr(xret.cli.eval_tatoeba, "_main_languages", lambda: ("de", "en"))
    found = call_json("tatoeba", "tatoeba.parquet")
    assert (found["all"]["languages"], found["main"]["languages"], found["main"]["mean"]) == (2, 1, 1.0)


def test_xsim_counts_errors() -> None:
    found = call_json("xsim", "de.txt", "en.txt", "--margin", "distance", "--k", "2")
    assert (found["sentences"], found["margin"], found["k"]) == (5, "distance", 2)
    assert found["error"] == found["errors"] / 5
    assert "0." in call("xsim", "de.txt", "de.txt")


def test_xquad_r_gives_a_row_a_language() -> None:
    for lang, (sentence, question) in {"de": ("Der Fuchs bellt.", "Wer?"), "en": ("A fox barks.", "Who?")}.items():
        qas = [{"id": "1", "question": question, "answers": [{"answer_start": 0, "text": ""}]}]
        paragraph = {"context": sentence, "sentence_breaks": [[0, len(sentence)]], "qas": qas}
        Path("xq").mkdir(exist_ok=True)
        Path("xq", f"{lang}.json").write_text(json.dumps({"data": [{"paragraphs": [paragraph]}]}))
    found = call_json("xquad-r", "xq")
    assert (found["map"], found["mono"], found["cross"]) == (1.0, 1.0, 1.0)
    assert [row["lang"] for row in found["languages"]] == ["de", "en"]
    assert "2 questions, 2 sentences, 2 languages, letters" in call("xquad-r", "xq")
    assert call_json("xquad-r", "xq", "--langs", "de")["cross"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "qrels.txt", "run.trec", "-m", "ndcg@20"], r"unknown measure 'ndcg@20' \(did you mean nDCG@20\?\)"),
        (
            ["run", "qrels.txt", "run.trec", "-m", "nDCG@0"],
            "measure nDCG cannot be cut at '0'; k must be .* at least 1",
        ),
        (["run", "qrels.txt", "gone.trec"], "gone.trec: no such file"),
        (["run", "gone.txt", "run.trec"], "gone.txt: no such file"),
        (["run", "run.trec", "qrels.txt"], "run.trec:1: has 6 fields, wanted 4: qid iter docid relevance"),
        (["run", "qrels.txt", "run.trec", "--per-query", "out.xls"], "out.xls: unknown format '.xls'"),
        (["run", "qrels.txt", "run.trec", "--queries", "gone.tsv"], "gone.tsv"),
        (["run", "qrels.txt", "run.trec", "--queries", "gold.tsv"], "gold.tsv: has none of the queries of the qrels"),
        (["bitext", "gold.tsv", "gone.tsv"], "gone.tsv"),
        (["bitext", "gold.tsv", "pairs.tsv", "--threshold", "nan"], "threshold is nan"),
        (
            ["bitext", "foreign.tsv", "pairs.tsv"],
            r"share no id of either side.*src_id: gold has 3 such as '1', '2', the pairs 2 such as 'd1', 'd2'; tgt_id",
        ),
        (["tatoeba", "gone.parquet"], "gone.parquet: no such file or folder"),
        (["tatoeba", "tatoeba.parquet", "--langs", "fr"], "has no language 'fr'; it has deu"),
        (["xsim", "de.txt", "queries.jsonl"], "de.txt has 5 sentences, queries.jsonl has 2"),
        (["xquad-r", "gone"], "gone: no such file or folder"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], message: str) -> None:
    with pytest.raises(XretError, match=message) as caught:
        CliRunner().invoke(evaluate, arguments, catch_exceptions=False)
    assert "\n" not in str(caught.value)


def test_run_that_shares_no_query_is_named() -> None:
    Path("alien.trec").write_text("q1 Q0 a 1 1 t\n")
    with pytest.raises(XretError, match=r"alien.trec: run and qrels share no query: the run has 1 \(such as 'q1'\)"):
        call("run", "qrels.txt", "run.trec", "alien.trec")


def test_help_lists_the_commands() -> None:
    text = call("--help")
    assert all(name in text for name in ("run", "bitext", "tatoeba", "xsim", "xquad-r"))
    assert all("xret eval" in call(name, "--help") for name in ("run", "bitext", "tatoeba", "xsim", "xquad-r"))


def test_bitext_with_a_dev_set_reports_both_variants() -> None:
    found = call_json("bitext", "gold.tsv", "pairs.tsv", "--dev-gold", "gold.tsv", "--dev-pairs", "pairs.tsv")
    assert (found["dev"]["variant"], found["test"]["variant"]) == ("b", "a")
    assert found["dev"]["threshold"] == found["test"]["threshold"] == pytest.approx(1.1)
    assert found["test"]["f1_interval"]["low"] <= found["test"]["f1"] <= found["test"]["f1_interval"]["high"]
    assert "BUCC variant (a)" in call("bitext", "gold.tsv", "pairs.tsv", *DEV)
    with pytest.raises(XretError, match="go together"):
        call("bitext", "gold.tsv", "pairs.tsv", *DEV[:2])
    with pytest.raises(XretError, match="both say where to cut"):
        call("bitext", "gold.tsv", "pairs.tsv", *DEV, "--threshold", "1")


DEV = ("--dev-gold", "gold.tsv", "--dev-pairs", "pairs.tsv")


def test_xsim_with_negatives_counts_errors_by_kind() -> None:
    negatives = {
        "two lemon": {"src": "two lemons", "errtype": "entity"},
        "ein alter Apfel": {"src": "x", "errtype": "y"},
    }
    Path("n.json").write_text(json.dumps(negatives))
    found = call_json("xsim", "en.txt", "en.txt", "--negatives", "n.json", "--k", "2")
    assert (found["errors"], found["negatives"], found["types"]) == (0, 2, {})
    plus = call_json("xsim", "de.txt", "en.txt", "--negatives", "n.json", "--k", "2")
    assert plus["errors"] == sum(plus["types"].values()) >= 1
    assert plus["types"]["Misaligned"] >= 1  # the first line, found again among the negatives
    Path("n.txt").write_text("two lemon\nein alter Apfel\n")
    assert (
        call_json("xsim", "de.txt", "en.txt", "--negatives", "n.txt", "--negative-types", "n.json", "--k", "2") == plus
    )
    assert "errors by kind" in call("xsim", "de.txt", "en.txt", "--negatives", "n.json", "--k", "2")
    made = call_json("xsim", "en.txt", "en.txt", "--tgt-lang", "en", "--negatives", "made")
    assert made["negatives"] == 4  # all lines but the first have a number word
    for arguments, message in (
        (("--negatives", "made", "--by-line"), "xsim\\+\\+ compares texts"),
        (("--negative-types", "n.json"), "is for the lines of a --negatives file"),
        (("--negatives", "made", "--tgt-lang", "sw"), "no negatives could be made of TGT"),
    ):
        with pytest.raises(XretError, match=message):
            call("xsim", "de.txt", "en.txt", *arguments)


def test_pxsim_blends_two_encoders() -> None:
    found = call_json("pxsim", "de.txt", "en.txt", "--aux-encoder", "letters", "--alpha", "0", "--k", "5")
    assert (found["sentences"], found["k"], found["alpha"], found["aux_encoder"]) == (5, 5, 0, "letters")
    assert found["errors"] == call_json("xsim", "de.txt", "en.txt", "--margin", "absolute", "--by-line")["errors"]


def test_nway_gives_a_matrix() -> None:
    found = call_json("nway", "de=de.txt", "en.txt", "--margin", "absolute", "--by-line")
    there = call_json("xsim", "de.txt", "en.txt", "--margin", "absolute", "--by-line")["error"]
    assert found["error"]["de"] == {"de": None, "en.txt": there}
    assert found["mean"] == (there + found["error"]["en.txt"]["de"]) / 2
    assert call("nway", "de.txt", "en.txt").splitlines()[0].split() == ["from", "de.txt", "en.txt", "mean"]
    Path("a=b.txt").write_text(Path("en.txt").read_text())
    assert call_json("nway", "de=de.txt", "en=./a=b.txt", "--margin", "absolute", "--by-line")["mean"] == found["mean"]
    alone = call_json("nway", "./a=b.txt", "de=de.txt", "--margin", "absolute", "--by-line")
    assert alone["mean"] == pytest.approx(found["mean"]) and set(alone["error"]) == {"a=b.txt", "de"}
    for arguments, message in (
        (("de.txt", "de.txt"), "'de.txt' is there twice"),
        (("de.txt", "gold.tsv"), "de.txt has 5 lines, gold.tsv has 2"),
        (("xx-yy-zz=de.txt", "en.txt"), "xx-yy-zz"),
    ):
        with pytest.raises(XretError, match=message):
            call("nway", *arguments)
