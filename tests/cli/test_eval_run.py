"""`xret eval run` and `xret eval fairness`: comparisons, matrices, and every kind of bad input in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.cli.conftest import Cli

QRELS = "".join(
    f"{topic}-{lang} 0 {topic}-{doc} 1\n" for topic in range(6) for lang in ("de", "en") for doc in ("de", "en")
)
BETTER = "".join(
    f"{topic}-{lang} Q0 {topic}-{doc} {rank} {9 - rank} better\n"
    for topic in range(6) for lang in ("de", "en") for rank, doc in enumerate((lang, "de" if lang == "en" else "en"), 1)
)  # fmt: skip
WORSE = "".join(
    f"{topic}-{lang} Q0 {(topic + shift) % 6}-{lang} {rank} {9 - rank} worse\n"
    for topic in range(6) for lang in ("de", "en") for rank, shift in enumerate((1, 0), 1)
)  # fmt: skip


@pytest.fixture(autouse=True)
def _sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ids = [f"{topic}-{lang}" for topic in range(6) for lang in ("de", "en")]
    rows = [{"id": one, "text": "x", "lang": one[2:], "doc_id": one[0]} for one in ids]
    Path("docs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, text in {"qrels.txt": QRELS, "better.trec": BETTER, "worse.trec": WORSE}.items():
        Path(name).write_text(text)


def test_runs_are_compared(cli: Cli) -> None:
    called = cli("eval", "run", "qrels.txt", "better.trec", "worse.trec", "-m", "RR", "-m", "R@1", "--compare")
    assert (called.code, called.err) == (0, "")
    for said in (
        "95% percentile bootstrap over queries, 10,000",
        "every assignment of signs tried",
        "by Holm",
        "seed: 0",
    ):
        assert said in called.out
    arguments = ("eval", "run", "qrels.txt", "better.trec", "worse.trec", "-m", "RR", "--json", "--seed", "3")
    found = json.loads(cli(*arguments, "--compare", "worse.trec", "--resamples", "200").out)["comparison"]
    row = found["differences"][0]
    assert (row["system"], row["difference"], found["exact"], found["seed"]) == ("better.trec", 0.5, False, 3)
    assert row["p"] == row["corrected"] == pytest.approx(1 / 201) and row["low"] == row["high"] == 0.5


def test_topics_are_drawn_and_languages_compared(cli: Cli) -> None:
    arguments = (
        "eval",
        "run",
        "qrels.txt",
        "better.trec",
        "worse.trec",
        "-m",
        "RR",
        "--json",
        "--compare",
        "--by-topic",
    )
    shared = json.loads(cli(*arguments).out)["comparison"]
    assert shared["topics"] == [6, "queries that share a relevant document"]
    assert shared["differences"][0]["p"] == 2 / 2**6, "of 6 topics, not of 12 queries"
    named = json.loads(cli(*arguments, "--queries", "docs.jsonl", "--by-language", "--correction", "bh").out)[
        "comparison"
    ]
    assert named["topics"] == [6, "by column 'doc_id' of the queries"]
    assert [row["lang"] for row in named["differences"]] == ["all", "de", "en"] and named["comparisons"] == 3


def test_matrix_and_new_measures(cli: Cli) -> None:
    measures = ("-m", "RR", "-m", "nDCG:judged@20", "-m", "alpha-nDCG@20", "-m", "AP", "-l", "1")
    arguments = (
        "eval",
        "run",
        "qrels.txt",
        "worse.trec",
        "--corpus",
        "docs.jsonl",
        "--queries",
        "docs.jsonl",
        "--matrix",
    )
    found = json.loads(cli(*arguments, *measures, "--json").out)["runs"][0]
    assert set(found["measures"]) == {"RR", "nDCG:judged@20", "alpha-nDCG@20", "AP"}
    assert found["matrix"]["measures"]["RR"]["cells"] == [[0.5, 0], [0, 0.5]]
    text = cli(*arguments, "-m", "RR", "--whole-lists").out
    assert "whole lists" in text and "mono   cross" in text
    assert cli("eval", "run", "qrels.txt", "worse.trec", "-m", "AP", "-l", "1").code == 0


def test_diversity_judgements(cli: Cli) -> None:
    Path("subtopics.txt").write_text(QRELS.replace(" 0 ", " 1 ") + "0-de 2 0-de 1\n")
    called = cli("eval", "run", "qrels.txt", "better.trec", "-m", "alpha-nDCG@5", "--subtopics", "subtopics.txt")
    assert (called.code, called.err) == (0, "") and "1.0000" in called.out


def test_fairness(cli: Cli) -> None:
    arguments = ("eval", "fairness", "qrels.txt", "better.trec", "--corpus", "docs.jsonl", "--queries", "docs.jsonl")
    called = cli(*arguments, "--languages")
    assert called.code == 0 and "PEER@20        1     undefined" in called.out and "LPR" in called.out
    found = json.loads(cli(*arguments, "--json").out)["runs"][0]
    assert found["measures"]["PEER@20"] is None and found["measures"]["LPR"] == 1 and found["measures"]["MRC@20"] == -1
    assert found["first"]["relevant, own language"] == 1


def test_cutoffs_beyond_all_integers_are_refused(cli: Cli) -> None:
    for option in ("--at", "--recall"):
        called = cli("eval", "fairness", "qrels.txt", "better.trec", "--corpus", "docs.jsonl", option, "9" * 30)
        assert called.code == 2 and "is not in the range" in called.err


def test_queries_of_one_side_are_told(cli: Cli) -> None:
    Path("part.trec").write_text("0-de Q0 0-de 1 1 t\nx Q0 0-de 1 1 t\n")
    called = cli("eval", "run", "qrels.txt", "part.trec")
    assert called.code == 0 and called.err.splitlines() == [
        "part.trec: 11 of 12 queries of the qrels have no results and count 0 (such as '0-en', '1-de', '1-en'); "
        "1 of its 2 queries are not in the qrels and left out (such as 'x')"
    ]


def test_documents_of_another_set_are_told(cli: Cli) -> None:
    Path("alien.trec").write_text(BETTER.replace("Q0 ", "Q0 doc/"))
    called = cli("eval", "run", "qrels.txt", "alien.trec")
    assert called.code == 0 and "none of its 12 documents (such as 'doc/0-de" in called.err
    assert called.err.endswith("the 12 of the qrels (such as '0-de', '0-en', '1-de'); are ids spelled alike?\n")


def test_ranks_that_contradict_scores_are_told_once(cli: Cli) -> None:
    Path("ranks.trec").write_text(BETTER.replace(" 1 8 better", " 3 8 better"))
    called = cli("eval", "run", "qrels.txt", "ranks.trec", "better.trec")
    assert called.code == 0 and called.err.splitlines() == [
        "ranks.trec: the ranks of 12 documents of 12 queries contradict their scores "
        "(such as '0-de' for query '0-de'); scores decide, as in trec_eval"
    ]
    Path("ties.trec").write_text("0-de Q0 0-de 1 8 t\n0-de Q0 0-en 2 8 t\n0-en Q0 0-de 0 8 t\n0-en Q0 0-en 0 9 t\n")
    assert "contradict" not in cli("eval", "run", "qrels.txt", "ties.trec").err, (
        "equal scores, equal ranks: nothing to say"
    )


BAD = {
    "twice.trec": (
        "0-de Q0 a 1 2 t\n0-de Q0 a 2 1 t\n",
        "twice.trec:2: document 'a' stands twice for query '0-de' (first at",
    ),
    "nan.trec": ("0-de Q0 a 1 2 t\n0-de Q0 b 1 nan t\n", "nan.trec:2: score is NaN"),
    "empty.trec": ("", "empty.trec: is empty; wanted a run"),
    "short.trec": ("0-de Q0 a 1 2 t\n0-de Q0\n", "short.trec:2: has 2 fields, wanted 6"),
    "other.trec": (
        "z Q0 a 1 2 t\n",
        "other.trec: run and qrels share no query: the run has 1 (such as 'z'), the qrels 12",
    ),
    "line.jsonl": ('{"qid": "0-de", "docid": "a", "score": 1}\n{"qid"\n', "line.jsonl:2: is not JSON"),
    "text.jsonl": ('{"qid": "0-de", "docid": "a", "score": "x"}\n', "text.jsonl:1: score is 'x', wanted a number"),
}
BAD_QRELS = {
    "negative.txt": (
        "0-de 0 0-de 1\n0-de 0 0-en -7\n",
        "negative.txt:2: relevance is -7 (1 such of 2); wanted labels from -2 to",
    ),
    "huge.txt": ("0-de 0 0-de 48211\n", "huge.txt:1: relevance is 48211 (1 such of 1); wanted labels from -2 to 1,000"),
    "broken.txt": ("0-de 0 0-de 0.5\n", "broken.txt:1: relevance is '0.5', wanted a whole number"),
    "over.txt": ("0-de 0 0-de 99999999999\n", "over.txt:1: relevance is '99999999999', wanted a whole number"),
    "none.txt": (
        "0-de 0 0-de 0\n0-de 0 0-en -1\n",
        "none.txt: no document is relevant (from 1; the greatest label of 2 is 0)",
    ),
    "twice.txt": ("0-de 0 0-de 1\n0-de 0 0-de 0\n", "twice.txt:2: document '0-de' stands twice for query '0-de'"),
}
OPTIONS = {
    "-m R@2kt": "measure R@2kt looks for answers in texts",
    "-m alpha-nDCG@20": "alpha-nDCG needs to know what documents are about; add --corpus",
    "-m nDCG:rel=2": "measure nDCG has no parameter 'rel' (in 'nDCG:rel=2'); it has: judged",
    "--matrix": "--matrix needs the languages of documents; add --corpus",
    "--whole-lists": "--whole-lists is for --matrix, which is not given",
    "--compare better.trec --resamples 1000001": "--resamples 1000001: wanted at most 1,000,000",
    "--compare x.trec": "--compare x.trec: is not among the runs (better.trec)",
    "--seed 3": "--seed is for --compare, which is not given",
    "--by-topic": "--by-topic is for --compare, which is not given",
    "--compare --by-language": "--by-language needs the languages of queries; add --queries",
}


def one_line(called: object, message: str, code: int) -> None:
    out, err, found = (getattr(called, name) for name in ("out", "err", "code"))
    assert (found, out) == (code, "")
    assert len(err.splitlines()) == 1 and err.startswith("xret: ") and message in err, err


@pytest.mark.parametrize("name", BAD)
def test_bad_runs(name: str, cli: Cli) -> None:
    Path(name).write_text(BAD[name][0])
    one_line(cli("eval", "run", "qrels.txt", name), BAD[name][1], 1)


@pytest.mark.parametrize("name", BAD_QRELS)
def test_bad_judgements(name: str, cli: Cli) -> None:
    Path(name).write_text(BAD_QRELS[name][0])
    one_line(cli("eval", "run", name, "better.trec"), BAD_QRELS[name][1], 1)


@pytest.mark.parametrize("options", OPTIONS)
def test_bad_options(options: str, cli: Cli) -> None:
    one_line(cli("eval", "run", "qrels.txt", "better.trec", *options.split()), OPTIONS[options], 2)


def test_a_broken_line_far_down_is_named(cli: Cli) -> None:
    lines = [json.dumps({"qid": "0-de", "docid": f"d{row}", "score": row}) for row in range(1, 48_300)]
    lines[48_210] = lines[48_210][:-1]
    Path("long.jsonl").write_text("\n".join(lines))
    one_line(cli("eval", "run", "qrels.txt", "long.jsonl"), "long.jsonl:48211: is not JSON", 1)


def test_empty_queries_and_nan_in_parquet(cli: Cli) -> None:
    Path("empty.jsonl").write_text('{"id": "0-de", "text": "", "lang": "de"}\n')
    one_line(
        cli("eval", "run", "qrels.txt", "better.trec", "--queries", "empty.jsonl"), "empty.jsonl:1: text is empty", 1
    )
    pa.parquet.write_table(pa.table({"qid": ["0-de"], "docid": ["a"], "score": [float("nan")]}), "nan.parquet")
    one_line(cli("eval", "run", "qrels.txt", "nan.parquet"), "nan.parquet: row 1: score is NaN", 1)
