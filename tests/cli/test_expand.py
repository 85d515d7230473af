"""`xret expand`: generate, mix, index, search; kills and mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.encoders.generators.conftest import seq2seq

GENERATE = "expand generate docs.jsonl --model model --to de,ja --samples 2 --max-tokens 5 --shard-rows 40 --threads 1"


@pytest.fixture
def model(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample as current folder, with its vectors and a random model."""
    monkeypatch.setenv("XRET_CACHE", str(tmp_path / "cache"))
    seq2seq(sample / "model", "umt5", spread=0.2)
    return sample


def test_from_a_corpus_to_search(model: Path, cli: Cli) -> None:
    assert cli("encode", "docs.jsonl", "--as", "document", "-o", "docs.vectors").code == 0
    called = cli(*GENERATE.split(), "-o", "queries.jsonl", "--json")
    told = json.loads(called.out)
    rows = [json.loads(line) for line in Path("queries.jsonl").read_text().splitlines()]
    assert len(rows) == told["queries"] == told["new_queries"] and told["passages"] == 150
    assert set(rows[0]) == {"id", "docid", "lang", "text"} and not Path("queries.jsonl.partial").exists()
    called = cli(
        "expand", "mix", "docs.vectors", "queries.jsonl", "--alpha", "0.1", "-o", "expanded", "--languages", "ja"
    )
    assert called.code == 0 and called.err.count("\n") == 1 and "queries (ja " in called.err, called.err
    assert cli("expand", "mix", "docs.vectors", "queries.jsonl", "--alpha", "0", "-o", "same").code == 0
    shard = "vectors-00000.arrow"
    assert (
        Path("same", shard).read_bytes()
        == Path("docs.vectors", shard).read_bytes()
        != Path("expanded", shard).read_bytes()
    )
    assert cli("index", "build", "expanded", "-o", "expanded.index").code == 0
    assert len(cli("search", "expanded.index", "bees", "-k", "3", "--format", "trec").out.splitlines()) == 3


def test_a_killed_run_goes_on_to_the_same_bytes(model: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from xret.encoders.generators import Generator

    assert cli(*GENERATE.split(), "-o", "whole.parquet").code == 0
    calls, generate = [0], Generator.generate

    def dies(*arguments: object, **options: object) -> object:
        calls[0] += 1
        if calls[0] == 3:
            raise KeyboardInterrupt
        return generate(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Generator, "generate", dies)
    assert cli(*GENERATE.split(), "-o", "out.parquet").code == 130
    assert "add --resume" in cli(*GENERATE.split(), "-o", "out.parquet").err
    assert "other settings" in cli(*GENERATE.split(), "-o", "out.parquet", "--resume", "--seed", "2").err
    assert cli(*GENERATE.split(), "-o", "out.parquet", "--resume").code == 0
    assert calls[0] == 5  # shards: two were kept, the third came a second time
    assert Path("out.parquet").read_bytes() == Path("whole.parquet").read_bytes()


def test_prompts_can_be_looked_at_without_a_model(sample: Path, cli: Cli) -> None:
    called = cli("expand", "generate", "docs.jsonl", "--to", "de,xx-x=Other", "--show", "2")
    assert called.code == 1 and "'xx-x' is not a known language" in called.err
    called = cli("expand", "generate", "docs.jsonl", "--to", "de", "--show", "2", "--json")
    first = json.loads(called.out.splitlines()[0])
    assert first["text"].startswith("Generate a German question for this passage: ") and first["lang"] == "de"


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("generate docs.jsonl --to de", 2, "give --model and -o"),
        ("generate docs.jsonl --to de --model xret-mini -o q.jsonl", 1, "is no sequence-to-sequence model"),
        ("generate docs.jsonl --to de --model none -o q.jsonl", 1, "none: no such"),
        ("generate docs.jsonl --model model -o q.jsonl", 2, "say which ones are wanted"),
        ("generate docs.jsonl --to de --model model -o q.xls", 1, "does not tell a format"),
        ("generate docs.jsonl --to de --model model -o gone/q.tsv", 1, "no folder 'gone'"),
        ("generate docs.jsonl --to de --model model -o docs.jsonl", 2, "would overwrite"),
        ("generate docs.jsonl --to de --model model -o qrels.txt", 1, "does not tell a format"),
        ("generate docs.jsonl --to de --model model -o -", 2, "wants the name of a file"),
        ("generate docs.jsonl --to de --show 1 -o q.tsv", 2, "leave -o out"),
        ("generate docs.jsonl --to de --model model -o q.tsv --greedy --samples 3", 2, "is the same query"),
        ("generate docs.jsonl --to de --greedy --seed 1 --show 1", 2, "--seed is for sampling, and --greedy draws"),
        ("generate docs.jsonl --to de --greedy --top-k 3 --show 1", 2, "--top-k is for sampling"),
        ("mix docs.vectors queries.tsv -o out", 2, "Missing option '--alpha'"),
        ("mix docs.vectors queries.tsv --alpha 2 -o out", 2, "2.0 is not in the range"),
        ("mix docs.vectors queries.tsv --alpha 0.1 -o -", 2, "made as a folder"),
        ("mix docs.vectors queries.tsv --alpha 0.1 -o model", 1, "exists already"),
        ("mix docs.jsonl queries.tsv --alpha 0.1 -o out", 1, "is not a vectors folder"),
        ("mix docs.vectors queries.tsv --alpha 0.1 -o out", 1, "queries.tsv: docs.vectors: has no passage 'q01'"),
        ("mix docs.vectors none.tsv --alpha 0.1 -o out", 1, "none.tsv"),
        ("mix docs.vectors docs.jsonl --alpha 0.1 -o out --encoder none", 1, "none: no such encoder"),
    ],
)
def test_mistakes(sample: Path, cli: Cli, line: str, code: int, message: str) -> None:
    if "docs.vectors" in line:
        assert cli("encode", "docs.jsonl", "-o", "docs.vectors").code == 0
    Path("model").mkdir()
    called = cli("expand", *line.split())
    assert (called.code, called.out) == (code, ""), called.err
    assert message in called.err and "Traceback" not in called.err
    assert not Path("out").exists() and not Path("q.jsonl").exists() and not Path("q.tsv").exists()
