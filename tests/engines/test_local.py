"""Engines on this machine: results, retries, resuming, and what is told when a unit cannot be done."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import xret.engines.ledger as ledger
import xret.engines.local as local
import xret.engines.units as units
from tests.engines.units import doubled, ten
from xret.engines import EngineError, LocalEngine, State, current_engine, make_engine, use_engine
from xret.engines.units import Probe
from xret.errors import InputError, MissingExtraError, ModelError, UsageError

Items = list[dict[str, Any]]


@pytest.fixture
def items(tmp_path: Path) -> Items:
    return [{"unit": f"u{number}", "number": number, "folder": str(tmp_path), "size": 1} for number in range(6)]


@pytest.mark.parametrize("workers", [1, 2, 9])
def test_every_item_is_done_once_and_its_progress_told(workers: int, items: Items, tmp_path: Path) -> None:
    engine, steps = LocalEngine(workers), list[int]()
    found = dict(engine.map(doubled, items, state=State(ten), advance=steps.append))
    assert {number: result["number"] for number, result in found.items()} == {number: number for number in range(6)}
    assert [(tmp_path / f"u{number}.txt").read_text() for number in range(6)] == [f"{20 * n}\n" for n in range(6)]
    assert (engine.executed, sum(steps)) == (6, 6)
    assert not list(tmp_path.glob("*.json"))
    assert list(engine.map(doubled, [])) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_done_is_not_done_again(workers: int, items: Items, tmp_path: Path) -> None:
    engine = LocalEngine(workers)

    def run(recipe: str = "r") -> set[int]:
        return {number for number, _, new in engine.run(doubled, items, folder=tmp_path, recipe=recipe) if new}

    assert (run(), run()) == (set(range(6)), set())
    os.truncate(tmp_path / "u2.txt", 1)
    (tmp_path / "u3.txt").write_text("7\n")  # of the same length
    (tmp_path / "u4.json").write_text("{")
    (tmp_path / "u5.txt").unlink()
    assert (run(), run()) == ({2, 3, 4, 5}, set())
    assert (run("another"), run("another")) == (set(range(6)), set())


@pytest.mark.parametrize("workers", [1, 3])
def test_a_unit_that_fails_is_named_after_the_others_are_done(workers: int, items: Items, tmp_path: Path) -> None:
    items[1]["wrong"], items[4]["wrong"] = "data", "unexpected"
    engine, done = LocalEngine(workers), []
    with pytest.raises(EngineError) as caught:
        for number, _ in engine.map(doubled, items):
            done.append(number)
    assert sorted(done) == [0, 2, 3, 5]
    said = "unit 'u1': row 3 holds NaN (2 of 6 units failed); those done are kept: mend it and run again"
    assert str(caught.value) == said
    with pytest.raises(EngineError, match=r"^unit 'u4': RuntimeError: it stumbled, 4 times \(1 of 1 units failed\)$"):
        list(engine.map(doubled, items[4:5]))


@pytest.mark.parametrize("workers", [1, 2])
def test_only_what_may_pass_is_tried_again(workers: int, items: Items, caplog: pytest.LogCaptureFixture) -> None:
    items[1]["wrong"], items[3]["wrong"], items[4]["wrong"] = "bug", "data", "unexpected"
    with pytest.raises(EngineError, match=r"^unit 'u1': KeyError: 'lang' \(3 of 6 units failed\)"):
        list(LocalEngine(workers).map(doubled, items))
    again = [record.message for record in caplog.records if "again" in record.message]
    assert again == ["unit 'u4': RuntimeError: it stumbled; trying again"] * 3


def test_workers_that_do_not_see_the_files_say_so(
    items: Items, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "LATE", 0.05)
    monkeypatch.setattr(Probe, "in_folder", lambda folder: Probe(str(folder / "probe"), "of another machine"))
    for text in (None, "of this machine"):
        if text is not None:
            (tmp_path / "probe").write_text(text)
        with pytest.raises(
            InputError, match=r": is not there on the machine '.+'; workers meet in files: put inputs,"
        ) as no:
            list(LocalEngine(1).run(doubled, items, folder=tmp_path, recipe="r"))
        assert str(no.value).startswith(f"{tmp_path}: ")
    assert not list(tmp_path.glob("u*.txt"))


def test_a_unit_that_takes_far_longer_than_others_is_told_once(
    items: Items, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (ledger, local):
        monkeypatch.setattr(module, "LONG", 0.1)
    monkeypatch.setattr(ledger, "TIMES", 0)
    items[2]["seconds"] = 2.0
    assert len(list(LocalEngine(2).map(doubled, items[2:4]))) == 2
    told = [
        record.message for record in caplog.records if record.message.startswith("unit 'u2': at work for 0 minutes,")
    ]
    assert len(told) == 1


def test_many_failures_end_a_job(items: Items) -> None:
    many = [{**items[0], "unit": f"v{number}", "wrong": "data"} for number in range(100)]
    with pytest.raises(EngineError, match=r"\(16 of 100 units failed, the rest was not begun\)$"):
        list(LocalEngine(1).map(doubled, many))


def test_killed_workers_are_replaced_and_poison_is_named(
    items: Items, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    items[0]["accident"], items[3]["accident"], done = "once", "always", []
    steps: list[int] = []
    with pytest.raises(EngineError) as caught:
        for number, _ in LocalEngine(2).map(doubled, items, advance=steps.append):
            done.append(number)
    assert str(caught.value) == (
        "unit 'u3': its worker was killed by SIGKILL (out of memory?), 4 times (1 of 6 units failed); those done are "
        "kept: mend it and run again"
    )
    assert sorted(done) == [0, 1, 2, 4, 5]
    assert sum(steps) == 5
    assert [each.message for each in caplog.records].count(
        "unit 'u0': its worker was killed by SIGKILL (out of memory?); trying again"
    ) == 1
    with pytest.raises(EngineError, match=r"^workers die one after the other, the last one at unit 'u.': it was"):
        list(LocalEngine(2).map(doubled, items, state=State(ten, {"die": True})))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_state_that_cannot_be_made_ends_the_job_with_its_own_error(workers: int, items: Items) -> None:
    with pytest.raises(ModelError, match=r"^no such model$"):
        list(LocalEngine(workers).map(doubled, items, state=State(ten, {"refuse": True})))


def test_workers_end_with_the_job_that_nobody_wants_any_more(items: Items, tmp_path: Path) -> None:
    for item in items:
        item["seconds"] = 30 if item["number"] > 1 else 0
    results = LocalEngine(2).map(doubled, items)
    next(results)
    results.close()  # type: ignore[attr-defined]
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    if children.exists():
        names = [Path(f"/proc/{child}/cmdline").read_text() for child in children.read_text().split()]
        assert not [name for name in names if "xret.engines.worker" in name]


def test_names() -> None:
    assert (make_engine("local", 3).name, make_engine("local", 3).share(None, 1) > 0) == ("local", True)
    with pytest.raises(UsageError, match="engine 'rai' is not known; did you mean 'ray'"):
        make_engine("rai")
    with pytest.raises(UsageError, match="workers 0 must be positive"):
        make_engine("local", 0)
    with pytest.raises(ValueError, match="functions at the top of a module"):
        list(LocalEngine(1).map(lambda item, place: {}, [{"unit": "u"}]))
    assert current_engine() is None
    with use_engine(LocalEngine(1)) as engine:
        assert current_engine() is engine is not None
    assert current_engine() is None


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingExtraError) as caught:
        make_engine("ray")
    assert str(caught.value).startswith("the engine 'ray' needs the Python module 'ray', which cannot be imported (")
    assert str(caught.value).endswith("install it with: pip install 'xret[ray]'")
