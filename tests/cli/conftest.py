"""What tests of the command line share: calling it in this process, and a folder with a file of every kind."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

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
