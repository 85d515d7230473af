"""The example files of the sample: what their comments tell people to type works, and what they may switch on."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from xret.sample import sample_path

FILES = sorted(path.name for path in sample_path("mine.toml").parent.glob("*.toml"))
ELSEWHERE = re.compile(r"--engine ray|milvus:|run (engine|store)\.toml$")  # have tests of their own


def commands(name: str) -> list[str]:
    """The lines with a command in the comments of a file, without what stands behind them."""
    found = re.findall(r"^#.*?(?:  |: )(xret .+)$", sample_path(name).read_text("utf-8"), re.MULTILINE)
    return [re.split(r"\s{2,}", line)[0] for line in found]


def switches(name: str) -> list[str]:
    """The options that are commented out."""
    return re.findall(r"^# ([a-z_]+ = .+)$", sample_path(name).read_text("utf-8"), re.MULTILINE)


def test_there_is_something_to_type_in_each() -> None:
    assert all(len(commands(name)) >= 4 for name in FILES) and len(FILES) == 6
    assert len(switches("store.toml")) == 3 and len(switches("suite.toml")) == 3


@pytest.mark.parametrize("name", FILES)
def test_commands_of_comments(name: str, cli: Cli, sample: Path) -> None:
    shutil.copy("news.de.txt", "my.de.txt")
    if name == "eval.toml":
        assert cli("run", "search.toml").code == 0  # as it says
    for line in commands(name):
        if ELSEWHERE.search(line):
            continue
        dry = ["--dry-run"] if name == "suite.toml" else []  # which is run by tests of its own
        called = cli(*shlex.split(line)[1:], *dry)
        assert called.code == 0, f"{line}\n{called.err}"


@pytest.mark.parametrize("option", switches("store.toml"))
def test_options_of_the_store_example(option: str, cli: Cli, sample: Path) -> None:
    text = Path("store.toml").read_text("utf-8")
    Path("store.toml").write_text(text.replace(f"# {option}", option), "utf-8")
    called = cli("run", "store.toml", *(["--set", "retrieve.hybrid=rrf"] if option.startswith("words") else []))
    assert called.code == 0, called.err
    if option.startswith("languages"):
        hits = {line.split()[2].rpartition("-")[2] for line in Path("store-run.trec").read_text().splitlines()}
        assert hits == {"de", "fr"}
    if option.startswith("alias"):
        assert cli("search", "docs", "Regen und Wind", "-k", "1").code == 0
