"""What was acknowledged is there after SIGKILL: of a server, and of the process that writes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest

from tests.stores.conftest import DIM, OURS, LiteServer, rows, unit, vectors_folder
from xret.errors import InputError
from xret.stores import Place, Recipe, Store, create_store, load, open_store, parse_place, swap
from xret.stores.door import has_store
from xret.stores.milvus import client

WRITER = """
import sys
from pathlib import Path
from tests.stores.conftest import rows, unit
from xret.stores import open_store
store = open_store(sys.argv[1])
for start in range(0, 100_000, 50):
    store.upsert(rows(unit(50, seed=start), start=start))
    print(start + 50, flush=True)
"""
REPLACER = """
import sys
from tests.stores.conftest import rows, unit
from xret.stores import open_store
store = open_store(sys.argv[1])
for number in range(100_000):
    store.upsert(rows(unit(50, seed=number)))
    print(number, flush=True)
"""
LOADER = """
import sys
from pathlib import Path
from xret.stores import load
from xret.vectors import Vectors
load(sys.argv[1], Vectors.open(Path(sys.argv[2])), batch=200)
"""


def on(server: LiteServer, name: str) -> Place:
    """A collection of a server."""
    return parse_place(f"milvus://127.0.0.1:{server.port}/{name}")


def test_a_killed_server_has_all_that_it_acknowledged(own_server: LiteServer) -> None:
    store = create_store(on(own_server, "news"), Recipe(dim=DIM, text=True, encoder="e", encoder_hash="c" * 64))
    vectors = unit(600)
    store.upsert(rows(vectors[:300]))
    swap(on(own_server, "live"), "news")
    store.delete(["d5", "d6"])
    store.upsert(rows(unit(10, seed=3)))
    written: list[int] = []

    def write() -> None:
        for start in range(300, 600, 20):
            store.upsert(rows(vectors[start : start + 20], start=start))  # waits for the server while it is away
            written.append(start + 20)

    thread = threading.Thread(target=write)
    thread.start()
    while len(written) < 3:
        time.sleep(0.001)
    own_server.kill()
    acknowledged = max(written)
    own_server.restart()
    thread.join()
    assert acknowledged < 600 == max(written)
    again = open_store(on(own_server, "live"))
    assert again.recipe == store.recipe
    assert again.count() == 600  # d5 and d6 were deleted, then written again with the first ten
    ids = again.search(vectors[10:], k=1)["docid"].to_pylist()
    assert ids == [f"d{row}" for row in range(10, 600)]
    assert again.search(unit(10, seed=3), k=1)["docid"].to_pylist() == [f"d{row}" for row in range(10)]
    assert store.search(vectors[10:11], k=1, languages=["en"]).num_rows == 1  # the old connection works again
    again.close()
    store.close()


def test_a_server_that_stays_away_is_named_in_one_line(own_server: LiteServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PATIENCE", 0.5)
    store = create_store(on(own_server, "news"), Recipe(dim=DIM))
    store._call.patience = 0.5  # type: ignore[attr-defined]
    own_server.kill()
    with pytest.raises(
        InputError, match=r"milvus://127.0.0.1:\d+/news: cannot be reached .*start the server"
    ) as caught:
        store.count()
    assert "\n" not in str(caught.value)
    store.close()


def killed_after(process: subprocess.Popen[str], lines: int) -> int:
    """Kill a writer behind so many acknowledged batches; gives the rows of the last."""
    assert process.stdout is not None
    last = 0
    for _ in range(lines):
        last = int(process.stdout.readline())
    os.kill(process.pid, signal.SIGKILL)
    for line in process.stdout:
        last = int(line)
    process.stdout.close()
    process.wait()
    return last


def test_a_killed_writer_leaves_whole_batches(base: Place, store: Store) -> None:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(base)], stdout=subprocess.PIPE, text=True)
    acknowledged = killed_after(process, 3)
    again = open_store(base)
    there = again.count()
    assert acknowledged <= there <= acknowledged + 50
    assert there % 50 == 0
    for start in range(0, acknowledged, 50):
        ids = again.search(unit(50, seed=start), k=1)["docid"].to_pylist()
        assert ids == [f"d{row}" for row in range(start, start + 50)]
    again.upsert(rows(unit(2, seed=99), start=900_000))  # nobody holds a lock
    again.close()


def test_a_killed_replacement_loses_no_row(base: Place, store: Store) -> None:
    process = subprocess.Popen([sys.executable, "-c", REPLACER, str(base)], stdout=subprocess.PIPE, text=True)
    last = killed_after(process, 3)
    again = open_store(base)
    assert again.count() == 50
    found = [again.search(unit(50, seed=seed), k=1) for seed in (last, last + 1)]
    names = [f"d{row}" for row in range(50)]
    assert any(run["docid"].to_pylist() == names and min(run["score"].to_pylist()) > 0.999 for run in found)
    again.close()


def test_a_store_whose_making_was_killed_is_made_again(milvus_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields, indexes and recipe come by calls of their own: what has no recipe yet is none."""
    place = parse_place(f"milvus://{milvus_uri.split('://')[1]}/{OURS}making")
    call = client.Connection.__call__

    def killed(self: client.Connection, name: str, *arguments: object, **options: object) -> object:
        if name == "alter_collection_properties":
            raise KeyboardInterrupt
        return call(self, name, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(client.Connection, "__call__", killed)
        with pytest.raises(KeyboardInterrupt):
            create_store(place, Recipe(dim=DIM + 1))
    assert not has_store(place)
    with pytest.raises(InputError, match="there is no such store"):
        open_store(place)
    made = create_store(place, Recipe(dim=DIM, text=True))
    assert made.upsert(rows(unit(3))) == 3
    made.close()


def test_a_killed_server_keeps_what_was_being_replaced(own_server: LiteServer) -> None:
    """Killed again and again in the middle of replacements: every row is there, as it was or as it is to be."""
    place, count = on(own_server, "news"), 200
    store = create_store(place, Recipe(dim=DIM, text=True))
    store.upsert(rows(unit(count)))
    done, stop = [0], threading.Event()

    def write() -> None:
        while not stop.is_set():
            number = done[-1] + 1
            for start in range(0, count, 50):
                store.upsert(rows(unit(count, seed=number)[start : start + 50], start=start))
            done.append(number)

    thread = threading.Thread(target=write)
    thread.start()
    names = [f"d{row}" for row in range(count)]
    for _ in range(2):
        before = len(done)
        while len(done) < before + 2:
            time.sleep(0.001)
        own_server.kill()
        own_server.restart()
        opened = open_store(place)
        assert (opened.documents(names).num_rows, opened.count()) == (count, count)
        opened.close()
    stop.set()
    thread.join()
    assert store.search(unit(count, seed=done[-1]), k=1)["docid"].to_pylist() == names
    store.close()


def test_a_killed_load_goes_on(milvus_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = parse_place(f"milvus://{milvus_uri.split('://')[1]}/{OURS}load")
    folder = tmp_path / "vectors"
    vectors = vectors_folder(folder, 4000, hash="a" * 64)
    process = subprocess.Popen([sys.executable, "-c", LOADER, str(place), str(folder)])
    while not list(tmp_path.glob("vectors.*.load")) and process.poll() is None:
        time.sleep(0.002)
    process.kill()
    process.wait()
    assert len(list(tmp_path.glob("vectors.*.load"))) == 1
    upserted: list[int] = []
    whole = type(open_store(place)).upsert

    def counted(self: Store, given: pa.Table) -> int:
        upserted.append(whole(self, given))
        return upserted[-1]

    monkeypatch.setattr(type(open_store(place)), "upsert", counted)
    done = load(place, vectors, batch=200)
    assert done.skipped >= 200
    assert sum(upserted) == done.rows == 4000 - done.skipped
    assert done.verified.rows == 4000
    assert not list(tmp_path.glob("*.load"))
