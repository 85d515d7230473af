"""Large searches in pieces: bounded memory, kills and resumptions, shards; the result is always that of one piece."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import tracemalloc
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from xret.errors import InputError, UsageError
from xret.indexes.twoway import Search, TwoWay, open_search, two_way_knn
from xret.indexes.twoway.checkpoint import Checkpoint
from xret.indexes.twoway.plan import plan_blocks, private_memory, search_memory
from xret.indexes.twoway.shards import (
    find_shards,
    merged_shards,
    open_neighbours,
    parse_shard,
    save_neighbours,
    shard_rows,
)


def sides(rows: int = 700, columns: int = 500) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rng = np.random.default_rng(rows)
    x = rng.integers(-3, 4, (rows, 5)).astype(np.float32) + 0.5  # many ties and repetitions
    return x, rng.integers(-3, 4, (columns, 5)).astype(np.float32) + 0.5


def opened(span: int, k: int = 4) -> Search:
    search = open_search(*sides(), k=k, row_block=64, column_block=100, threads=1)
    return replace(search, plan=replace(search.plan, span=span))


def assert_same(found: TwoWay, wanted: TwoWay) -> None:
    for a, b in ((found.forward, wanted.forward), (found.backward, wanted.backward)):
        assert (a.ids == b.ids).all()
        assert (a.cosines == b.cosines).all()


@dataclass(frozen=True)
class Generated:
    """Vectors that never exist as a whole."""

    rows: int
    seed: int
    dim: int = 64

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        parts = [
            np.random.default_rng((self.seed, number)).standard_normal((1024, self.dim), np.float32)
            for number in range(start // 1024, -(-stop // 1024))
        ]
        first = start // 1024 * 1024
        return np.concatenate(parts)[start - first : stop - first]


@pytest.mark.parametrize("spare", [45, 90])
def test_memory_is_obeyed(spare: int) -> None:
    x, y = Generated(6_000, 1), Generated(8_000, 2)
    memory = private_memory() + search_memory(x.rows, y.rows, 4) + (spare << 20)
    tracemalloc.start()  # NumPy tells it of its arrays
    try:
        found = two_way_knn(x, y, threads=1, memory=memory)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < search_memory(x.rows, y.rows, 4) + (spare << 20)
    assert_same(found, two_way_knn(x, y, threads=1))


def test_blocks_shrink_to_the_memory_and_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xret.indexes.twoway.plan.private_memory", lambda: 50 << 20)

    def plan(memory: int | None, workers: int = 4) -> tuple[int, int, int]:
        made = plan_blocks(
            10**6, 10**6, 384, k=4, row_block=1024, column_block=4096, workers=workers, memory=memory, span=None
        )
        return made.row_block, made.column_block, made.tiles

    assert plan(None) == plan(8 << 30) == (1024, 4096, 16)
    tight = [plan(size << 20) for size in (900, 700, 500)]
    assert tight == sorted(tight, reverse=True)
    with pytest.raises(UsageError, match=r"memory of 200.0 MiB: 1,000,000 x 1,000,000 .* need at least .* MiB; give"):
        plan(200 << 20)


class Cut(Exception):
    """The power fails."""


def cut_off(search: Search, folder: Path, after: int) -> None:
    """Search until so many spans are saved."""
    saved, left = Checkpoint.save, [after]

    def save(self: Checkpoint, *values: Any) -> None:
        if left[0] == 0:
            raise Cut
        left[0] -= 1
        saved(self, *values)

    with pytest.MonkeyPatch.context() as patch, suppress(Cut):
        patch.setattr(Checkpoint, "save", save)
        search.lists(0, search.x.rows.rows, folder)


@settings(max_examples=25, deadline=None)
@given(st.integers(40, 300), st.integers(40, 300), st.integers(0, 5))
def test_what_is_cut_off_anywhere_goes_on_from_there(span: int, other_span: int, after: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cut_off(opened(span), folder, after)
        search = opened(other_span)  # on another machine, with another plan
        found = search.finished(*search.lists(0, search.x.rows.rows, folder))
        assert_same(found, two_way_knn(*sides(), threads=1))
        assert len(list(folder.glob("backward-*.arrow"))) == 1


def test_damaged_or_foreign_checkpoints_are_not_trusted(tmp_path: Path) -> None:
    wanted = two_way_knn(*sides(), threads=1)
    for damage in ("truncate", "remove", "foreign"):
        folder = tmp_path / damage
        search = opened(100)
        search.lists(0, search.x.rows.rows, folder)
        if damage == "truncate":
            newest = next(folder.glob("backward-*.arrow"))
            newest.write_bytes(newest.read_bytes()[:-40])
        elif damage == "remove":
            sorted(folder.glob("forward-*.arrow"))[1].unlink()
        else:
            other = opened(100, k=3)
            other.lists(0, other.x.rows.rows, folder)
        assert_same(search.finished(*search.lists(0, search.x.rows.rows, folder)), wanted)


CHILD = """
import sys
from pathlib import Path
from dataclasses import replace
import numpy as np
from xret.indexes.twoway import open_search
from xret.indexes.twoway.shards import save_neighbours
folder = Path(sys.argv[1])
x, y = (np.load(folder / f"{name}.npy") for name in "xy")
search = open_search(x, y, k=4, row_block=64, column_block=256, threads=1)
search = replace(search, plan=replace(search.plan, span=64))
print("begin", flush=True)
found = search.finished(*search.lists(0, search.x.rows.rows, folder / "work"))
save_neighbours(folder / "out", found.forward, found.backward, {})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_killed_at_random_moments_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    rng, dice = np.random.default_rng(0), random.Random(os.getpid())
    x, y = (rng.standard_normal((rows, 64)).astype(np.float32) for rows in (2500, 2000))
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", y)
    kills = 0
    for _ in range(40):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        done = set((tmp_path / "work").glob("backward-*"))
        while kills < 4 and child.poll() is None and set((tmp_path / "work").glob("backward-*")) == done:
            time.sleep(0.001)
        if kills < 4:
            time.sleep(dice.uniform(0.0, 0.02))
            child.send_signal(signal.SIGKILL)
            kills += 1
        child.stdout.close()
        if child.wait() == 0:
            break
    whole = two_way_knn(x, y, threads=1)
    save_neighbours(tmp_path / "wanted", whole.forward, whole.backward, {})
    for name in ("forward.arrow", "backward.arrow", "manifest.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "wanted" / name).read_bytes()


def shard(search: Search, text: str, place: Path) -> None:
    rows = shard_rows(search.x.rows.rows, parse_shard(text))
    fields = {"key": search.key, "shard": text}
    save_neighbours(place / f"neighbours-{text[0]}" / "work" / "neighbours", *search.lists(*rows), fields)


@pytest.mark.parametrize("shards", [1, 3, 7])
def test_shards_join_to_the_bytes_of_one_run(shards: int, tmp_path: Path) -> None:
    search = opened(1000)
    for number in range(shards):  # on two machines
        place = tmp_path / str(number % 2)
        (place / f"neighbours-{number + 1}" / "work").mkdir(parents=True)
        shard(opened(50 + number), f"{number + 1}/{shards}", place)
    folders = find_shards([tmp_path / "0", tmp_path / "1"], search.key)
    found, whole = merged_shards(search, folders), two_way_knn(*sides(), threads=1)
    for name, each in (("merged", found), ("whole", whole)):
        save_neighbours(tmp_path / name, each.forward, each.backward, {"k": 4})
    for name in ("forward.arrow", "backward.arrow", "manifest.json"):
        assert (tmp_path / "merged" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert_same(open_neighbours(tmp_path / "merged"), whole)


def test_missing_foreign_and_damaged_shards_are_named(tmp_path: Path) -> None:
    search = opened(1000)
    with pytest.raises(InputError, match="no shards of this mining run"):
        find_shards([tmp_path], search.key)
    for number in (1, 3):
        (tmp_path / f"neighbours-{number}" / "work").mkdir(parents=True)
        shard(search, f"{number}/4", tmp_path)
    with pytest.raises(InputError, match="shards 2/4, 4/4 are missing"):
        find_shards([tmp_path], search.key)
    with pytest.raises(InputError, match="no shards of this mining run; 2 other shards there are of other vectors"):
        find_shards([tmp_path], opened(1000, k=3).key)
    one = tmp_path / "neighbours-1" / "work" / "neighbours"
    with pytest.raises(InputError, match="is shard 1/4 of a search; join all of them with 'xret merge'"):
        open_neighbours(one)
    (one / "backward.arrow").write_bytes(b"other")
    with pytest.raises(InputError, match=r"backward\.arrow: is missing or has been changed"):
        merged_shards(search, [one])


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "1/200000", "-1/3"])
def test_refuses_shards(text: str) -> None:
    with pytest.raises(UsageError, match="write I/N, the I-th of N, as in 2/8"):
        parse_shard(text)


def test_shards_cover_all_rows_once() -> None:
    for rows, shards in ((10, 3), (2, 5), (1, 1), (1000, 7)):
        borders = [shard_rows(rows, (number, shards)) for number in range(1, shards + 1)]
        assert borders[0][0] == 0
        assert borders[-1][1] == rows
        assert all(a[1] == b[0] for a, b in itertools.pairwise(borders))
