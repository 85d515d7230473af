"""What tests of the command line share: calling it in this process, and a folder with a file of every kind."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from xret.cli import main
from xret.sample import export_sample


@dataclass(frozen=True)
class Called:
    """What a call of `xret` came to."""

    code: int
    out: str
    err: str


Cli = Callable[..., Called]


def call(*arguments: str | Path) -> int:
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return int(stop.code or 0)
    raise AssertionError("main always exits")


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    """Calls `xret` with these arguments, in the current folder."""

    def invoke(*arguments: str | Path) -> Called:
        capfd.readouterr()
        code = call(*arguments)
        out, err = capfd.readouterr()
        return Called(code, out, err)

    return invoke


# In the order in which they can be made: the later ones read what the earlier ones write.
MADE = (
    "mine news.de.txt news.en.txt -o pairs.tsv",
    "index build docs.jsonl -o docs.index",
    "search docs.index --queries queries.tsv --format trec -o run.trec",
)


@pytest.fixture(scope="session")
def sandbox_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The exported sample and what its commands make: pairs, an index, a run."""
    folder = tmp_path_factory.mktemp("sandbox")
    export_sample(folder)
    before = Path.cwd()
    os.chdir(folder)
    try:
        for line in MADE:
            assert call(*line.split()) == 0, f"xret {line}"
    finally:
        os.chdir(before)
    yield folder


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A freshly exported sample with nothing else in it, as the current folder."""
    folder = tmp_path / "sample"
    export_sample(folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def sandbox(sandbox_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of those files, as the current folder."""
    folder = tmp_path / "sandbox"
    shutil.copytree(sandbox_template, folder)
    monkeypatch.chdir(folder)
    return folder


GERMAN = ["rote Katze", "blauer Hund", "gruener Baum", "rote Katze", "ok hallo", "schneller Zug", "alter Fluss"]
ENGLISH = ["green tree", "red cat", "OK  hallo", "blue dog", "old house", "slow train"]
GLOSSARY = """rote red  katze cat  blauer blue  hund dog  gruener green  baum tree  schneller fast  langsamer slow
              zug train  alter old  fluss house  ok ok  hallo hallo"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A static model, and de.txt, en.txt and gold.tsv in the current folder."""
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    monkeypatch.setenv("XRET_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "toy"
    folder.mkdir()
    words = GLOSSARY.split()
    pairs = list(zip(words[::2], words[1::2], strict=True))
    vocabulary = {word: place for place, word in enumerate(dict.fromkeys(["[UNK]", *words]))}
    width = len(pairs) + 2
    table = np.zeros((len(vocabulary), width), np.float32)
    for concept, pair in enumerate(pairs):
        for language, word in enumerate(pair):
            table[vocabulary[word], concept] = 1
            table[vocabulary[word], len(pairs) + language] = 0.3
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"model_type": "xret-static", "vocab_size": len(vocabulary), "hidden_size": width, "output_size": width}
    (folder / "config.json").write_text(json.dumps(config | {"pad_token_id": 0, "max_length": 64, "name": "toy"}))
    save_file(
        {"embedding.weight": table, "projection.weight": np.eye(width, dtype=np.float32)}, folder / "model.safetensors"
    )
    Path("de.txt").write_text("\n".join(GERMAN) + "\n")
    Path("en.txt").write_text("\n".join(ENGLISH) + "\n")
    Path("gold.tsv").write_text("1\t2\n4\t2\n2\t4\n3\t1\n7\t5\n")
    return folder
