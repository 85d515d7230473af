"""Two Ray machines: the bytes of one process, whatever is killed or lost meanwhile."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xret.indexes.twoway.cells as cells
from tests.engines.conftest import ROOT, STORE, corpus, machines, tree
from tests.engines.units import doubled, ten
from xret.artifact import digest
from xret.encoders import encode_corpus, load_encoder
from xret.encoders.corpora.store import Encoded
from xret.engines import EngineError, State, make_engine, use_engine
from xret.indexes.twoway import open_search
from xret.pipeline import Pipeline, Step
from xret.stages.encode import Encode
from xret.stages.mine import Mine
from xret.stages.neighbours import Neighbours

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("ignore")]
SHARD = 20


def pipeline() -> Pipeline:
    sides = [
        Step(Encode(device="cpu", threads=1), {"corpus": f"{side}_corpus"}, f"{side}_vectors")
        for side in ("src", "tgt")
    ]
    return Pipeline([*sides, Step(Neighbours(threads=1, k=3)), Step(Mine(k=3))])


def mined(work: Path, engine: str | None, workers: int | None = None) -> tuple[Any, int, list[str]]:
    """The pairs, the number of units executed, and what became of each step."""
    sides = {"src_corpus": corpus(260), "tgt_corpus": corpus(300, lang="de", step=2)}
    said: list[str] = []
    with use_engine(make_engine(engine, workers) if engine else None) as chosen:
        pairs = pipeline()(sides, work=work, on_step=lambda report: said.append(report.status))["pairs"]
        return pairs, chosen.executed if chosen else 0, said


def test_mining_gives_the_bytes_of_one_process(there: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "LEAST", 100)
    whole, _, _ = mined(tmp_path / "whole", None)
    works = {name: tmp_path / name for name in ("local", "one", "two")}
    for name, engine, workers in (("local", "local", 1), ("one", "ray", 1), ("two", "ray", None)):
        pairs, units, _ = mined(works[name], engine, workers)
        assert pairs.equals(whole) and pairs.num_rows == whole.num_rows > 100
        assert units == 1 + 1 + 3 * 3 + 3 + 3 + 2 + 2, "both sides' vectors, cells, merges, means, and scores"
        for made in ("vectors", "neighbours"):
            results = [tree(path) for path in sorted(works[name].glob(f"*/work/{made}"))]
            assert results == [tree(path) for path in sorted((tmp_path / "whole").glob(f"*/work/{made}"))]
    assert mined(works["two"], "ray")[1:] == (0, ["cached"] * 4)


def test_the_unit_of_a_lost_result_is_done_again_and_no_other(there: str, tmp_path: Path) -> None:
    encoder, table, out = load_encoder(device="cpu", threads=1), corpus(200), tmp_path / "v"
    options: dict[str, Any] = {"encoder": encoder, "shard_rows": SHARD, "threads": 1}
    encode_corpus(table, tmp_path / "whole", **options)
    told: list[Encoded] = []
    for broken in (None, None, "vectors-00003.arrow"):
        if broken:
            os.truncate(out / broken, 1000)
        with use_engine(make_engine("ray")) as engine:
            encode_corpus(table, out, resume=True, engine=engine, tell=told.append, **options)
            assert engine is not None
        assert engine.executed == {0: 10, 1: 0, 2: 1}[len(told) - 1]
        assert tree(out) == tree(tmp_path / "whole")
    assert [each.new_rows for each in told] == [200, 0, 20]


def test_a_unit_that_cannot_be_done_is_named_and_the_others_are_kept(there: str, tmp_path: Path) -> None:
    items: list[dict[str, Any]] = [
        {"unit": f"u{number}", "number": number, "folder": str(tmp_path), "size": 1} for number in range(6)
    ]
    items[1]["accident"], items[2]["accident"], items[4]["wrong"] = "once", "always", "data"
    with use_engine(make_engine("ray")) as engine:
        assert engine is not None
        done: list[int] = []
        with pytest.raises(EngineError) as caught:
            for number, _, _ in engine.run(doubled, items, folder=tmp_path, recipe="r", state=State(ten)):
                done.append(number)
        assert str(caught.value) == (
            "unit 'u2': its worker died (out of memory?), 4 times (2 of 6 units failed); those done are kept: mend it "
            "and run again"
        )
        assert sorted(done) == [0, 1, 3, 5]
        for item in items:
            item.pop("wrong", None), item.pop("accident", None)
        found = {number: new for number, _, new in engine.run(doubled, items, folder=tmp_path, recipe="r")}
        assert found == {0: False, 1: False, 2: True, 3: False, 4: True, 5: False}
        with pytest.raises(EngineError, match=r"^engine 'ray': no worker comes up: the last one died"):
            list(engine.map(doubled, items, state=State(ten, {"die": True})))


class Loss(threading.Thread):
    """Waits for a file, counts those of its kind, and then takes a machine away."""

    def __init__(self, file: Path, lose: Callable[[], object]) -> None:
        super().__init__()
        self._file, self._lose, self.there = file, lose, 0
        self.start()

    def run(self) -> None:
        while not self._file.exists():
            time.sleep(0.001)
        self.there = len(list(self._file.parent.glob(f"*{self._file.suffix}")))
        self._lose()


def test_machines_that_are_lost_cost_no_result(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells, "LEAST", 250)
    monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "2")
    encoder, table, out = load_encoder(device="cpu", threads=1), corpus(8000), tmp_path / "v"
    options: dict[str, Any] = {"encoder": encoder, "shard_rows": SHARD, "threads": 1}
    encode_corpus(table, tmp_path / "whole", **options)
    x, y = (np.random.default_rng(seed).standard_normal((3000, 64), np.float32) for seed in (1, 2))
    with machines() as (cluster, second), use_engine(make_engine("ray")) as engine:
        assert engine is not None
        third = cluster.add_node(num_cpus=1, object_store_memory=STORE)
        loss = Loss(tmp_path / "v.partial/vectors-00010.arrow", lambda: cluster.remove_node(second, False))
        encode_corpus(table, out, engine=engine, **options)
        loss.join()
        assert (loss.there < 400, engine.executed) == (True, 400), "it was lost on the way"
        search = open_search(x, y, k=4, threads=1)
        folder = tmp_path / "search" / digest("cells", search.key, (0, 3000), cells.PARTS, 250, cells.MOST)[:12]
        loss = Loss(folder / "cell-0-5.json", lambda: cluster.remove_node(third, False))
        lists = cells.spread_lists(search, (0, 3000), engine=engine, work=tmp_path / "search", threads=1)
        loss.join()
        assert (loss.there < 144, engine.executed) == (True, 400 + 12 * 12 + 12 + 12)
        fourth = cluster.add_node(num_cpus=1, object_store_memory=STORE)
        loss = Loss(tmp_path / f"{fourth.node_id}.begun", lambda: cluster.remove_node(fourth, False))
        slow = [{"unit": f"s{number}", "number": number, "folder": str(tmp_path), "seconds": 3} for number in range(3)]
        assert len(list(engine.run(doubled, slow, folder=tmp_path, recipe="s"))) == 3
        loss.join()
        items = [
            {"unit": f"u{number}", "number": number, "folder": str(tmp_path), "seconds": 1} for number in range(30)
        ]
        loss = Loss(tmp_path / "u0.txt", lambda: cluster.head_node.kill_all_processes(False, False))
        with pytest.raises(
            EngineError, match=r"^RAY_ADDRESS [0-9.:]+: the connection to the cluster was lost \("
        ) as lost:
            list(engine.run(doubled, items, folder=tmp_path, recipe="r"))
        assert "\n" not in str(lost.value)
        loss.join()
    # The others may have gone between two units; the fourth had one of three seconds in hand.
    assert len(re.findall(r"unit 's\d': its worker (?:was lost|died).*; trying again", caplog.text)) == 1
    assert tree(out) == tree(tmp_path / "whole")
    for found, wanted in zip(lists, search.lists(0, 3000), strict=True):
        assert np.array_equal(found.ids, wanted.ids) and np.array_equal(found.values, wanted.values)


def test_a_driver_that_is_killed_goes_on_later(there: str, tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("\n".join(corpus(3000)["text"].to_pylist()) + "\n")
    command = [sys.executable, "-m", "xret", "encode", "c.txt", "--shard-rows", "10", "--device", "cpu", "--json"]
    command += ["--threads", "1", "-o"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    driver = subprocess.Popen([*command, "v", "--engine", "ray"], cwd=tmp_path, env=env, stderr=subprocess.PIPE)
    while driver.poll() is None and not (tmp_path / "v.partial/vectors-00005.arrow").exists():
        time.sleep(0.002)
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    assert driver.returncode == -signal.SIGKILL
    left = len(list((tmp_path / "v.partial").glob("vectors-*.arrow")))
    assert 5 < left < 300
    for options in (["v", "--engine", "ray", "--resume"], ["whole"]):
        done = subprocess.run([*command, *options], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert (done.stderr, done.stdout.count("\n")) == ("", 1)
        assert json.loads(done.stdout)["new_rows"] <= (3000 - 10 * left if "--resume" in options else 3000)
    assert tree(tmp_path / "v") == tree(tmp_path / "whole")
