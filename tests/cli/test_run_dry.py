"""`xret run --dry-run`: what would be done, told without doing it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from xret.pipeline import preview, read_pipeline


def statuses(cli: Cli, *arguments: str) -> dict[str, tuple[str, int | None]]:
    called = cli("run", *arguments, "--dry-run", "--json")
    assert (called.code, called.err) == (0, "")
    return {each["writes"]: (each["status"], each["rows"]) for each in json.loads(called.out)["stages"]}


def files(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def test_the_plan_is_what_then_happens(cli: Cli, sample: Path) -> None:
    before = files(sample)
    planned = statuses(cli, "search.toml")
    assert planned == {
        "vectors": ("to do", 150), "index": ("to do", 150), "query_vectors": ("to do", 30), "run": ("to do", 300),
    }  # fmt: skip
    assert files(sample) == before
    vectors = preview(read_pipeline("search.toml")).steps[0].bytes
    done = json.loads(cli("run", "search.toml", "--json").out)["stages"]
    assert [each["rows"] for each in done] == [rows for _, rows in planned.values()]
    made = sum(each.stat().st_size for each in (Path(done[0]["folder"]) / "work" / "vectors").glob("*.arrow"))
    assert vectors is not None and vectors <= made < vectors * 1.1

    before = files(sample)
    assert {status for status, _ in statuses(cli, "search.toml").values()} == {"cached"}
    assert {status for status, _ in statuses(cli, "search.toml", "--no-resume").values()} == {"to do"}
    changed = statuses(cli, "search.toml", "--set", "index.factory=SQ8")
    assert [status for status, _ in changed.values()] == ["cached", "to do", "cached", "to do"]
    assert files(sample) == before
    (Path(done[1]["folder"]) / "manifest.json").unlink()
    assert statuses(cli, "search.toml")["index"] == ("begun", 150)


def test_the_examples_choose_an_engine_and_a_store(cli: Cli, sample: Path) -> None:
    shown = cli("run", "engine.toml", "--dry-run").out
    assert "engine: local, 2 workers" in shown
    assert "engine: local, 3 workers" in cli("run", "engine.toml", "--dry-run", "--workers", "3").out
    assert "docs.store" in cli("run", "store.toml", "--dry-run").out
    for name, made in (("engine", "engine-pairs.tsv"), ("store", "store-run.trec")):
        assert cli("run", f"{name}.toml").code == 0 and Path(made).stat().st_size
        assert {status for status, _ in statuses(cli, f"{name}.toml").values()} == {"cached"}
        assert f"{made}, which is replaced" in cli("run", f"{name}.toml", "--dry-run").out
    assert cli("run", "mine.toml").code == 0 and cli("run", "search.toml").code == 0
    assert Path("pairs.tsv").read_bytes() == Path("engine-pairs.tsv").read_bytes()
    runs = [
        [line.split()[:4] for line in Path(name).read_text().splitlines()] for name in ("run.trec", "store-run.trec")
    ]
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("override", "message"),
    [("inputs.corpus=none.jsonl", "none.jsonl: no such file"), ("encoder=xret-mni", "xret-mni: no such encoder")],
)
def test_mistakes_are_told_before_anything_is_done(cli: Cli, sample: Path, override: str, message: str) -> None:
    called = cli("run", "search.toml", "--dry-run", "--set", override)
    assert (called.code, called.out, len(called.err.splitlines())) == (1, "", 1) and message in called.err
    assert "search.work" not in os.listdir()
