"""What tests of the command line share: calling it in this process, and a folder with a file of every kind."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from xret.cli import main
from xret.sample import FILES, sample_path


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
    "mine de.txt en.txt -o pairs.tsv",
    "encode docs.jsonl -o vectors",
    "index build docs.jsonl -o docs.index",
    "search docs.index --queries queries.tsv --format trec -o run.trec",
    "rerank run.trec --queries queries.tsv --corpus docs.jsonl --model maxsim -o run2.trec",
)


@pytest.fixture(scope="session")
def sandbox_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The files that the examples in the help texts name, made from the bundled sample."""
    folder = tmp_path_factory.mktemp("sandbox")
    for name in FILES:
        shutil.copy(sample_path(name), folder)
    shutil.copy(folder / "news.de.txt", folder / "de.txt")
    shutil.copy(folder / "news.en.txt", folder / "en.txt")
    _write_tatoeba(folder)
    before = Path.cwd()
    os.chdir(folder)
    try:
        for line in MADE:
            assert call(*line.split()) == 0, f"xret {line}"
    finally:
        os.chdir(before)
    yield folder


@pytest.fixture
def sandbox(sandbox_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of those files, as the current folder."""
    folder = tmp_path / "sandbox"
    shutil.copytree(sandbox_template, folder)
    monkeypatch.chdir(folder)
    return folder


def _write_tatoeba(folder: Path) -> None:
    sides = [(folder / name).read_text().splitlines() for name in ("de.txt", "en.txt")]
    pairs: list[Sequence[str]] = [line.split("\t") for line in (folder / "gold.tsv").read_text().splitlines()]
    table = pa.table(
        {
            "lang": ["deu"] * len(pairs),
            "line": pa.array(range(len(pairs)), pa.int64()),
            "eng": [sides[1][int(tgt) - 1] for _, tgt in pairs],
            "text": [sides[0][int(src) - 1] for src, _ in pairs],
        }
    )
    pyarrow.parquet.write_table(table, folder / "tatoeba.parquet")
