"""`xret models token-head` as a user types it, and what other commands make of the folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")

from tests.cli.conftest import Cli
from tests.encoders.distil.head_model import write_model, write_pairs

OPTIONS = ("--size", 6, "--inner", 8, "--document-tokens", 12, "--fade", 4, "--steps", 2, "--batch-size", 8)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_model(Path("model"))
    write_pairs(Path("pairs.parquet"), 200)
    return tmp_path


def test_the_folder_is_an_encoder_for_every_command(place: Path, cli: Cli) -> None:
    command = ("models", "token-head", "model", "--pairs", "pairs.parquet", *OPTIONS, "--device", "cpu", "--threads", 1)
    called = cli(*command, "--document-sources", "manual,talk", "--seed", 3, "-o", "new")
    assert called.code == 0 and called.out == "", called.err
    assert "new: head trained on" in called.err and "dev accuracy by MaxSim" in called.err
    told = json.loads(cli("models", "info", "new", "--json").out)["recipe"]
    assert told["token_dim"] == 6 and told["token_head"]["fade"] == 4.0
    options = json.loads(Path("new/training.json").read_text())["token_head"]
    assert (options["seed"], options["data"]) == (3, {"document_sources": ["manual", "talk"]})
    lines = [json.dumps({"id": str(i), "text": text}) for i, text in enumerate(read_texts())]
    Path("docs.jsonl").write_text("\n".join(lines), encoding="utf-8")
    called = cli("index", "build", "docs.jsonl", "--encoder", "new", "-o", "docs.index", "--kind", "multivector")
    assert called.code == 0, called.err
    again = cli(*command[:2], "new", *command[3:], "-o", "newer")
    assert again.code == 1 and "give --replace" in again.err and "Traceback" not in again.err
    assert cli(*command[:2], "new", *command[3:], "--replace", "--config", "new/training.json", "-o", "newer").code == 0


def read_texts() -> list[str]:
    import pyarrow.parquet as pq

    found: list[str] = pq.read_table("pairs.parquet")["en"].to_pylist()[:40]
    return found


def test_mistakes(place: Path, cli: Cli) -> None:
    start = ("models", "token-head", "model")
    for arguments, code, message in [
        ((*start, *OPTIONS, "-o", "x"), 2, "no pairs to train on; give --pairs FILE"),
        ((*start, "--pairs", "pairs.parquet"), 2, "--out"),
        ((*start, "--pairs", "pairs.parquet", "--size", 1, "-o", "x"), 2, "Invalid value for '--size'"),
        ((*start, "--pairs", "pairs.parquet", "-o", "x"), 2, "size = 128: model gives vectors of 12 values"),
        ((*start, "--pairs", "pairs.parquet", "--fade", -1, "-o", "x"), 2, "fade = -1.0; wanted 0 or more"),
        ((*start, "--pairs", "p.tsv", *OPTIONS, "-o", "x"), 1, "p.tsv"),
        ((*start, "--config", "no.toml", "-o", "x"), 1, "no.toml: cannot be read as TOML"),
        ((*start, "--pairs", "pairs.parquet", *OPTIONS, "-o", "model"), 1, "model: exists already"),
    ]:
        called = cli(*arguments)
        assert (called.code, called.out) == (code, "") and message in called.err and "Traceback" not in called.err
        assert not Path("x").exists()
