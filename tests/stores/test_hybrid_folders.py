"""Hybrid searches of index folders: words are those of xret's own lexical indexes, and follow the vectors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from tests.stores.conftest import DIM, rows, unit
from tests.stores.test_hybrid import SAID, texts, with_texts, with_weights
from xret.errors import InputError, UsageError
from xret.indexes.kinds import STORE, index_kind, verbs_of
from xret.indexes.lexical.build import build_index
from xret.indexes.lexical.opened import open_index
from xret.indexes.lexical.search import search_index
from xret.stores import Recipe, Store, create_store, load, open_store
from xret.stores.folder.words import Words
from xret.vectors import Vectors


def own_words(folder: Path, corpus: pa.Table, query: str, k: int) -> list[str]:
    """Ids that a lexical index of the same texts finds."""
    build_index(folder, corpus)
    queries = pa.table({"id": ["1"], "text": [query], "lang": ["en"]})
    ids: list[str] = search_index(open_index(folder), queries, k=k)["docid"].to_pylist()
    return ids


def by_words(store: Store, query: str, k: int) -> list[str]:
    """Ids that the words alone find."""
    run = store.hybrid(unit(1), [query], k=k, fusion="weighted", weights=(0.0, 1.0))
    ids: list[str] = run.filter(pa.compute.greater(run["score"], 0))["docid"].to_pylist()
    return ids


def made(folder: Path) -> tuple[Store, pa.Table]:
    """A folder with words, and its corpus."""
    store = create_store(folder, Recipe(dim=DIM, text=True, words=True))
    table = with_texts(rows(unit(50)), texts(50))
    store.upsert(table)
    return store, table.drop_columns(["vector"])


def test_titles_stay_through_changes(tmp_path: Path) -> None:
    """Of a corpus that has them; every search tells them beside the texts."""
    titled = with_texts(rows(unit(30)), texts(30)).append_column(
        "title", pa.array([f"title {row}" for row in range(30)])
    )
    vectors = Vectors.open(titled.select(["id", "vector"]))
    for _ in range(2):  # a first load, and one that replaces
        load(tmp_path / "store", vectors, corpus=titled.drop_columns(["vector"]), words=True)
        store = open_store(tmp_path / "store")
        for run in (store.search(unit(2), k=3, text=True), store.hybrid(unit(2), ["rain"] * 2, k=3, text=True)):
            assert [f"title {row['docid'][1:]}" for row in run.to_pylist()] == run["title"].to_pylist()
    store.upsert(rows(unit(1)))  # one without
    assert store.search(unit(1), k=1, text=True)["title"].to_pylist() == [None]


def test_words_of_a_folder_are_those_of_a_lexical_index(tmp_path: Path) -> None:
    store, corpus = made(tmp_path / "store")
    assert by_words(store, "storms and icy winds", 20) == own_words(tmp_path / "w", corpus, "storms and icy winds", 20)
    assert index_kind(tmp_path / "store") == STORE


def test_a_change_that_was_killed_before_the_words_is_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, corpus = made(tmp_path / "store")
    new = with_texts(rows(unit(10, seed=5), start=45), ["zephyr"] * 10)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Words, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            store.upsert(new)
    now = pa.concat_tables([corpus.slice(0, 45), new.drop_columns(["vector"])])
    assert by_words(open_store(tmp_path / "store"), "zephyr", 20) == own_words(tmp_path / "w", now, "zephyr", 20)
    assert by_words(store, "zephyr rain", 50) == own_words(tmp_path / "x", now, "zephyr rain", 50)
    store.delete(["d54"])
    store.upsert(new.slice(0, 3))
    assert len(by_words(store, "zephyr", 20)) == 9


def test_weights_of_a_change_that_was_killed_are_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = create_store(tmp_path / "store", Recipe(dim=DIM, sparse=True))
    old = rows(unit(20)).drop_columns(["text"])
    store.upsert(with_weights(old, [{1: 1.0}] * 20))
    with monkeypatch.context() as patch:
        patch.setattr("xret.stores.folder.store.add_to_index", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.upsert(with_weights(old, [{2: 1.0}] * 20))
    for opened in (store, open_store(tmp_path / "store")):
        assert (
            opened.hybrid(unit(1), [{2: 1.0}], k=9, fusion="weighted", weights=(0, 1))["score"].to_pylist() == [0] * 9
        )
    store.upsert(with_weights(old.slice(0, 5), [{3: 1.0}] * 5))
    found = store.hybrid(unit(1), [{3: 1.0, 2: 1.0}], k=5, fusion="weighted", weights=(0, 1))["docid"].to_pylist()
    assert sorted(found) == [f"d{row}" for row in range(5)]
    assert len(list((tmp_path / "store" / "hybrid").glob("weights-*"))) == 1


CHANGER = """
import sys
from tests.stores.test_hybrid_folders import *
store = open_store(sys.argv[1])
for number in range(100_000):
    table = with_texts(rows(unit(20, seed=number)), [f"round{number} rain"] * 20)
    store.upsert(with_weights(table, [{number: 1.0}] * 20))
    print(number, flush=True)
"""


def test_a_killed_writer_leaves_vectors_words_and_weights_of_one_change(tmp_path: Path) -> None:
    place = tmp_path / "store"
    create_store(place, Recipe(dim=DIM, text=True, words=True, sparse=True))
    for lines in (1, 3):
        process = subprocess.Popen([sys.executable, "-c", CHANGER, str(place)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        last = [int(process.stdout.readline()) for _ in range(lines)][-1]
        os.kill(process.pid, signal.SIGKILL)
        last = max([last, *map(int, process.stdout)])
        process.stdout.close()
        process.wait()
        opened = open_store(place)
        texts_now = set(opened.documents([f"d{row}" for row in range(20)])["text"].to_pylist())
        assert texts_now in ({f"round{last} rain"}, {f"round{last + 1} rain"})
        (number,) = (int(text.split()[0].removeprefix("round")) for text in texts_now)
        assert opened.search(unit(20, seed=number), k=1)["docid"].to_pylist() == [f"d{row}" for row in range(20)]
        assert len(by_words(opened, f"round{number}", 50)) == 20
        run = opened.hybrid(unit(1), [{number: 1.0}], k=50, fusion="weighted", weights=(0, 1))
        assert min(run["score"].to_pylist()) > 0.5
        assert run.num_rows == 20


def test_readers_of_a_folder_that_changes_find_what_is_there(tmp_path: Path) -> None:
    """Answers while another process replaces rows: all twenty, and of words no row that says something else."""
    place = tmp_path / "store"
    create_store(place, Recipe(dim=DIM, text=True, words=True, sparse=True))
    process = subprocess.Popen([sys.executable, "-c", CHANGER, str(place)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        opened = open_store(place)
        for _ in range(20):
            assert len(by_words(opened, "rain", 50)) == 20
            assert opened.hybrid(unit(1), [{0: 1.0}], k=50).num_rows == 20
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def test_a_folder_with_words_is_changed_by_its_store_alone(tmp_path: Path) -> None:
    store, corpus = made(tmp_path / "store")
    with pytest.raises(UsageError, match="use xret store load"):
        verbs_of(tmp_path / "store").add(tmp_path / "store", corpus)
    verbs_of(tmp_path / "store").delete(tmp_path / "store", ["d1"])
    assert "d1" not in by_words(store, " ".join(SAID), 50)
    unknown = rows(unit(1), prefix="x").set_column(1, "lang", pa.array(["und"]))
    with pytest.raises(InputError, match="no analyzer for texts of unknown language"):
        store.upsert(unknown)
    assert store.count() == 49
    other = create_store(tmp_path / "other", Recipe(dim=DIM, text=True, words=True, analyzer="und=words"))
    assert other.upsert(unknown) == 1
    assert by_words(open_store(tmp_path / "other"), "x0", 5) == ["x0"]
