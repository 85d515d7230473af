"""`xret rerank` and the reranking of `xret search` are one thing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.test_search import here as here  # fixtures
from tests.cli.test_search import index as index
from xret.runs import read_run


@pytest.fixture
def run(index: str, cli: Cli) -> str:
    Path("queries.tsv").write_text("id\ttext\nq1\tcat tree\nq2\t川 dog\n")
    assert cli("search", index, "--queries", "queries.tsv", "-k", "5", "-o", "run.trec").code == 0
    return "run.trec"


def test_rerank(run: str, index: str, cli: Cli) -> None:
    arguments = ("--queries", "queries.tsv", "--corpus", "docs.jsonl", "--encoder", "toy")
    called = cli("rerank", run, *arguments, "--depth", "4", "-o", "out.trec")
    assert (called.code, called.out) == (0, ""), called.err
    assert "out.trec: 8 documents for 2 queries" in called.err
    apart = read_run("out.trec")
    search = ("search", index, "--queries", "queries.tsv", "--rerank", "maxsim", "--rerank-depth", "4", "-k", "4")
    assert cli(*search, "-o", "direct.trec").code == 0
    assert read_run("direct.trec").equals(apart)
    assert cli("rerank", run, *arguments, "--depth", "4", "-o", "-").out == Path("out.trec").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("nowhere.trec --queries queries.tsv --corpus docs.jsonl", "nowhere.trec: no such file"),
        ("run.trec --queries queries.tsv --corpus queries.tsv", "give the corpus the run was made with"),
        ("run.trec --queries docs.jsonl --corpus docs.jsonl", "give the queries the run was made with"),
        ("run.trec --queries queries.tsv --corpus docs.jsonl --encoder nothing", "nothing"),
    ],
)
def test_mistakes(run: str, cli: Cli, arguments: str, message: str) -> None:
    called = cli("rerank", *arguments.split(), "-o", "out.trec")
    assert (called.code, called.out, called.err.count("\n")) == (1, "", 1), called.err
    assert message in called.err
    assert not Path("out.trec").exists()


@pytest.mark.parametrize("output", ["run.trec", "queries.tsv", "docs.jsonl"])
def test_what_is_read_is_not_replaced(run: str, output: str, cli: Cli) -> None:
    before = Path(output).read_bytes()
    called = cli("rerank", run, "--queries", "queries.tsv", "--corpus", "docs.jsonl", "--encoder", "toy", "-o", output)
    assert called.code == 2 and f"would overwrite '{output}'" in called.err
    assert Path(output).read_bytes() == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--overlap 3", "the overlap is that of windows"),
        ("--truncation windows --window 4 --overlap 4", "the overlap is 4 tokens"),
        ("--weight 3", "--weight is for --model light, and this is 'maxsim'"),
        ("--run-of passages", "which is not asked for"),
        ("--truncation windows --overlap 9999", "the overlap is 9999 tokens; give less than the window's"),
        ("--model some/cross --encoder toy", "--encoder is for --model maxsim and light"),
        ("--model bert+{dlang}+rank --depth 0", "--depth"),
    ],
)
def test_options_that_contradict_one_another(run: str, cli: Cli, options: str, message: str) -> None:
    called = cli("rerank", run, "--queries", "queries.tsv", "--corpus", "docs.jsonl", "-o", "o.trec", *options.split())
    assert called.code == 2 and message in called.err, called.err
    assert not Path("o.trec").exists()


def test_documents_by_their_best_passage(run: str, cli: Cli) -> None:
    rows = [json.loads(line) for line in Path("docs.jsonl").read_text().splitlines()]
    passages = [{**row, "doc_id": f"all-{row['lang']}"} for row in rows]
    Path("passages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in passages))
    arguments = (
        "--queries",
        "queries.tsv",
        "--corpus",
        "passages.jsonl",
        "--encoder",
        "toy",
        "--maxp",
        "-o",
        "by.trec",
    )
    assert cli("rerank", run, *arguments, "--batch", "64").code == 0
    documents = read_run("by.trec")["docid"].to_pylist()
    assert documents and set(documents) <= {row["doc_id"] for row in passages}
    called = cli("rerank", run, *arguments[:3], "docs.jsonl", *arguments[4:])
    assert called.code == 1 and "has no column 'doc_id'" in called.err
