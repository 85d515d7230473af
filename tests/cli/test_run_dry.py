"""`xret run --dry-run`: what would be done, told without doing it."""

from __future__ import annotations

import json
import os
import shutil
import sys
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
    seen = preview(read_pipeline("search.toml"))
    done = json.loads(cli("run", "search.toml", "--json").out)["stages"]
    assert [each["rows"] for each in done] == [rows for _, rows in planned.values()]
    for step, place in zip(seen.steps, ("work/vectors", "work/index"), strict=False):
        folder = next(Path(each["folder"]) for each in done if each["writes"] == step.writes) / place
        made = sum(each.stat().st_size for each in folder.rglob("*") if each.name != "manifest.json")
        assert step.bytes is not None and step.bytes <= made < step.bytes * 1.1, step
    assert seen.needed == sum(step.bytes or 0 for step in seen.steps) < seen.free
    assert preview(read_pipeline("search.toml")).needed == 0

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


def test_a_store_that_is_gone_or_changed_is_filled_again(cli: Cli, sample: Path) -> None:
    assert cli("run", "store.toml").code == 0
    before = Path("store-run.trec").read_bytes()
    for spoil, said in (
        (lambda: shutil.rmtree("docs.store"), "docs.store: no such folder"),
        (lambda: cli("store", "delete", "docs.store", "bees-es"), "rows: 150, now 149"),
    ):
        spoil()
        called = cli("run", "store.toml", "--dry-run", "--json")
        found = {each["writes"]: each["status"] for each in json.loads(called.out)["stages"]}
        assert (found["vectors"], found["index"], found["run"]) == ("cached", "to do", "to do")
        assert said in called.err
        again = cli("run", "store.toml", "--set", "k=7", "--set", "outputs.run=seven.trec")
        assert again.code == 0 and "bees-es" in Path("seven.trec").read_text()
        Path("seven.trec").unlink()
    assert cli("run", "store.toml").code == 0 and Path("store-run.trec").read_bytes() == before


@pytest.mark.parametrize("encoder", ["xret-mini:int8", "folder", "experts"])
def test_sizes_are_those_of_the_encoder(encoder: str, cli: Cli, sample: Path) -> None:
    if encoder == "folder":  # a head to another width than the model's own
        assert cli("models", "pull", "xret-mini", "-o", "folder", "--dim", "64").code == 0
    if encoder == "experts":
        made = cli("models", "experts", "-o", "experts", "--general", "xret-mini", "--expert", "chr=xret-mini")
        assert made.code == 0, made.err
    arguments = ("run", "search.toml", "--dry-run", "--json", "--set", f"encoder={encoder}")
    step = json.loads(cli(*arguments).out)["stages"][0]
    assert step["bytes"] == 150 * (64 if encoder == "folder" else 384) * 2


def test_an_engine_that_is_not_there_is_told(cli: Cli, sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    Path("ray.toml").write_text(Path("engine.toml").read_text("utf-8").replace('"local" ', '"ray" '), "utf-8")
    for arguments in (("engine.toml", "--engine", "ray"), ("ray.toml",)):
        called = cli("run", *arguments, "--dry-run")
        assert (called.code, called.out) == (1, "") and "xret[ray]" in called.err
    assert cli("run", "ray.toml", "--dry-run", "--engine", "local").code == 0


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("inputs.corpus=none.jsonl", "none.jsonl: no such file"),
        ("encoder=xret-mni", "xret-mni: no such encoder"),
        ("outputs.run=run.foo", "a run is not written to '.foo'"),
        ("outputs.run=none/run.trec", "none: no such folder"),
        ("index.factory=IVX", "index factory 'IVX' is not known"),
        ("index.factory=IVF999,Flat", "learns 999 centres"),
    ],
)
def test_mistakes_are_told_before_anything_is_done(cli: Cli, sample: Path, override: str, message: str) -> None:
    called = cli("run", "search.toml", "--dry-run", "--set", override)
    assert (called.code, called.out, len(called.err.splitlines())) == (1, "", 1) and message in called.err
    assert "search.work" not in os.listdir()
