"""`xret index` and `xret search` with token vectors and with words, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.cli.conftest import Cli
from tests.cli.test_search import DOCS, toy_encoder
from xret.mapped import write_batches
from xret.runs import read_run


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> str:
    """Token vectors of seven small documents, in ``t.index``."""
    monkeypatch.setenv("XRET_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    toy_encoder(Path("toy"))
    toy_encoder(Path("other"), seed=1)
    rows = [{"id": id, "lang": lang, "text": text, "doc_id": id[:2]} for id, lang, text in DOCS]
    Path("docs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = cli("index", "build", "docs.jsonl", "--kind", "multivector", "-o", "t.index", "--encoder", "toy")
    assert made.code == 0, made.err
    assert "t.index: 7 rows, 4 languages, multivector" in made.err
    return "t.index"


def found(cli: Cli, *arguments: str) -> list[tuple[str, str]]:
    """(query id, docid) of the hits of a search, in order."""
    outcome = cli("search", *arguments, "--format", "trec")
    assert outcome.code == 0, outcome.err
    Path("found.trec").write_text(outcome.out)
    run = read_run("found.trec")
    return list(zip(run["qid"].to_pylist(), run["docid"].to_pylist(), strict=True))


def test_token_vectors_find_every_concept_of_a_query(index: str, cli: Cli) -> None:
    assert found(cli, index, "hund fluss", "cat tree", "-k", "1") == [("1", "de2"), ("2", "en1")]
    assert found(cli, index, "cat", "-k", "3", "--exact") == found(cli, index, "cat", "-k", "3")
    assert {docid for _, docid in found(cli, index, "cat", "--lang", "ja")} == {"ja1", "ja2"}
    shown = cli("search", index, "river", "-k", "1", "--lang", "de", "--format", "jsonl").out
    hit = json.loads(shown)
    assert (hit["docid"], hit["text"], hit["tag"], hit["rank"]) == ("de2", "hund fluss", "xret", 1)


def test_filters_candidates_and_passages(index: str, cli: Cli) -> None:
    Path("ids").write_text("en2\nde1\n")
    assert found(cli, index, "dog", "--ids", "ids") == [("1", "en2"), ("1", "de1")]
    Path("some.trec").write_text("1 Q0 de1 1 9 x\n1 Q0 xx1 2 8 x\n1 Q0 gone 3 7 x\n2 Q0 en2 1 1 x\n")
    outcome = cli("search", index, "dog", "--candidates", "some.trec", "--format", "trec")
    assert [line.split()[2] for line in outcome.out.splitlines()] == ["xx1", "de1"]
    assert "does not hold 1 of the candidates" in outcome.err
    Path("others.trec").write_text("7 Q0 de1 1 9 x\n")
    outcome = cli("search", index, "dog", "--candidates", "others.trec")
    assert (outcome.code, "the candidates are of none of the queries" in outcome.err) == (1, True)
    assert [docid for _, docid in found(cli, index, "dog", "--maxp")] == ["xx", "en", "de", "ja"]
    assert len(found(cli, index, "dog", "--rerank", "maxsim", "-k", "2")) == 2
    assert len(found(cli, index, "dog", "--calibrate", "zscore", "-k", "3")) == 3


def test_the_life_of_an_index(index: str, cli: Cli) -> None:
    told = json.loads(cli("index", "info", index, "--json").out)
    assert (told["kind"], told["rows"], told["codec"], told["dim"]) == ("multivector", 7, "4bit", 8)
    shown = cli("index", "info", index).out
    assert "recall ceiling  too few documents to tell" in shown and "codec           4bit" in shown
    Path("new.jsonl").write_text(
        '{"id": "en1", "lang": "en", "text": "river"}\n{"id": "fi1", "lang": "fi", "text": "cat"}\n'
    )
    outcome = cli("index", "add", index, "new.jsonl")
    assert (outcome.code, "holds 1 of the ids to add already ('en1')" in outcome.err) == (1, True)
    assert cli("index", "add", index, "new.jsonl", "--replace").code == 0
    assert ("1", "en1") in found(cli, index, "fluss", "-k", "3")
    assert cli("index", "delete", index, "en1", "xx1").code == 0
    assert "some rows deleted: xret index compact" in cli("index", "info", index).out
    compacted = json.loads(cli("index", "compact", index, "--json").out)
    assert compacted["rows"] == 6 and len(compacted["parts"]) == 1
    assert cli("index", "check", index).out.startswith("t.index: ok: 6 rows, 9 files, 100% of a sample")


def test_vectors_of_ones_own(index: str, cli: Cli) -> None:
    tokens = np.random.default_rng(0).normal(size=(12, 3, 8)).astype(np.float32)
    kind = pa.list_(pa.list_(pa.float32(), 8))
    table = pa.table({"id": [f"a{row}" for row in range(12)], "tokens": pa.array(tokens.tolist(), kind)})
    write_batches(Path("own.arrow"), table.to_batches(), table.schema)
    made = cli("index", "build", "own.arrow", "--kind", "multivector", "-o", "own.index", "--codec", "exact", "--json")
    assert made.code == 0, made.err
    told = json.loads(made.out)
    assert (told["rows"], told["tokens"], told["encoder"], told["languages"]) == (12, 36, None, {"und": 12})
    outcome = cli("search", "own.index", "cat")
    assert (outcome.code, "name it with --encoder" in outcome.err) == (1, True)
    assert len(found(cli, "own.index", "cat", "--encoder", "toy")) == 10
    build = ("index", "build", "own.arrow", "--kind", "multivector", "-o", "german.index")
    outcome = cli(*build, "--queries", "docs.jsonl")
    assert (outcome.code, "are vectors that nobody encodes" in outcome.err) == (2, True)
    outcome = cli(*build, "--encoder", "toy")
    assert (outcome.code, "holds token vectors, which are encoded already" in outcome.err) == (2, True)
    assert json.loads(cli(*build, "--lang", "de", "--json").out)["languages"] == {"de": 12}


WRONG: tuple[tuple[list[str], int, str], ...] = (
    (["index", "build", "docs.jsonl", "-o", "x", "--codec", "2bit"], 2, "--codec is for --kind multivector, not dense"),
    (
        ["index", "build", "docs.jsonl", "-o", "x", "--kind", "multivector", "--factory", "Flat"],
        2,
        "--factory is for --kind dense, not multivector",
    ),
    (
        ["search", "t.index", "cat", "--nprobe", "3"],
        2,
        "--nprobe is for indexes of kind dense or store, this one is multivector",
    ),
    (["search", "t.index", "cat", "--exact", "--depth", "9"], 2, "depth is for the sweep"),
    (["search", "t.index", "cat", "--encoder", "other"], 1, "was built with encoder 'toy'"),
    (["search", "t.index", "cat", "--lang", "fr"], 1, "has no rows in language 'fr'"),
    (["search", "t.index", "cat", "--ids", "empty"], 1, "empty: holds no ids"),
    (["search", "t.index", "cat", "--maxp", "--rerank", "maxsim"], 2, "--rerank scores passages"),
)


@pytest.mark.parametrize(("arguments", "code", "said"), WRONG)
def test_what_does_not_go_together_is_told(arguments: list[str], code: int, said: str, index: str, cli: Cli) -> None:
    Path("empty").write_text("")
    outcome = cli(*arguments)
    assert (outcome.code, said in outcome.err) == (code, True), outcome.err
    assert not Path("x").exists()


def test_words(index: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("Stemmer")
    Path("en.jsonl").write_text("".join(json.dumps({"id": i, "lang": "en", "text": t}) + "\n" for i, _, t in DOCS[:2]))
    made = cli("index", "build", "en.jsonl", "--kind", "lexical", "-o", "w.index")
    assert made.code == 0, made.err
    assert found(cli, "w.index", "dogs", "--query-lang", "en") == [("1", "en2")]
    assert cli("index", "check", "w.index").code == 0
    for outcome in (
        cli("search", "w.index", "dogs", "--query-lang", "en", "--encoder", "toy"),
        cli("index", "add", "w.index", "en.jsonl", "--encoder", "toy"),
    ):
        assert (outcome.code, "nothing is encoded; leave it out" in outcome.err) == (2, True)


def test_an_encoder_that_was_moved_is_named_with_encoder(index: str, cli: Cli) -> None:
    Path("toy").rename("moved")
    Path("new.jsonl").write_text('{"id": "fi1", "lang": "fi", "text": "cat"}\n')
    outcome = cli("index", "add", index, "new.jsonl")
    assert (outcome.code, "its encoder is not found; say with --encoder" in outcome.err) == (1, True)
    assert cli("index", "add", index, "new.jsonl", "--encoder", "moved").code == 0
