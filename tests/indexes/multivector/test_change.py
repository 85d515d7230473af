"""Documents added, replaced, deleted and joined, against an index built of what is left; damage told by `check`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.indexes.multivector.sets import collection, queries
from tests.indexes.multivector.test_build import bytes_of
from xret.artifact import read_manifest, write_manifest
from xret.errors import InputError, MismatchError
from xret.indexes.kinds import index_kind
from xret.indexes.multivector import change
from xret.indexes.multivector.build import build_index
from xret.indexes.multivector.change import add_to_index, compact_index, delete_from_index
from xret.indexes.multivector.check import check_index
from xret.indexes.multivector.layout import sweep
from xret.indexes.multivector.opened import open_index
from xret.indexes.multivector.search import search_index
from xret.indexes.multivector.tokens import ArrayTokens
from xret.mapped import write_batches

FIRST, MORE = collection(300, longest=60), collection(120, first=300, seed=3)
QUERIES = queries(FIRST)


def found(folder: Path, k: int = 400) -> list[dict[str, float]]:
    """Per query every document's score."""
    index = open_index(folder)
    ids = index.table["id"].to_pylist()
    hits = search_index(index, QUERIES, k=k, exact=True)
    return [dict(zip([ids[row] for row in own.rows], own.scores.tolist(), strict=True)) for own in hits]


def some(source: ArrayTokens, rows: list[int]) -> ArrayTokens:
    """Some documents of a source."""
    own = source.read(np.array(rows))
    starts = np.concatenate([[0], np.cumsum([len(each) for each in own])])
    return replace(source, vectors=np.concatenate(own), starts=starts, table=source.table.take(pa.array(rows)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    build_index(tmp_path / "index", FIRST, memory=1 << 15, threads=1)
    return tmp_path / "index"


def test_changes_add_up_to_what_a_new_index_of_the_same_codes_holds(folder: Path) -> None:
    before = found(folder)
    for start in range(0, 120, 40):
        add_to_index(folder, some(MORE, list(range(start, start + 40))), threads=1)
    gone = [f"d{number}" for number in range(0, 420, 5)]
    delete_from_index(folder, gone)
    grown = found(folder)
    for old, new in zip(before, grown, strict=True):
        assert len(new) == 420 - 84 and not set(new) & set(gone)
        assert all(new[id] == pytest.approx(score, abs=1e-5) for id, score in old.items() if id in new)
    parts = len(open_index(folder).segments)
    made = compact_index(folder)
    assert made.deleted is None and len(made.parts) < parts and made.rows == 336
    for old, new in zip(grown, found(folder), strict=True):
        assert list(old) == list(new) and np.allclose(list(old.values()), list(new.values()), atol=1e-5)
    checked = check_index(folder)
    assert (checked.rows, checked.files) == (336, len(list(folder.iterdir())) - 1)
    assert compact_index(folder) == made  # nothing left to do


def test_added_documents_are_coded_as_if_they_had_been_there(tmp_path: Path) -> None:
    both = ArrayTokens(
        np.concatenate([FIRST.vectors, MORE.vectors]),
        np.concatenate([FIRST.starts, FIRST.starts[-1] + MORE.starts[1:]]),
        pa.concat_tables([FIRST.table, MORE.table]),
    )
    build_index(tmp_path / "both", both, threads=1)
    build_index(tmp_path / "half", both, threads=1)
    delete_from_index(tmp_path / "half", MORE.table["id"].to_pylist())
    compact_index(tmp_path / "half")
    made = add_to_index(tmp_path / "half", MORE, threads=1)  # the small part takes them in
    ours, theirs = bytes_of(tmp_path / "half"), bytes_of(tmp_path / "both")
    new = made.parts[0].name
    for name in ("starts.npy", "cells.npy", "codes.npy", "lists.npy", "postings.npy"):
        assert ours[f"{new}.{name}"] == theirs[f"part-00001.{name}"], name


def test_replaced_documents_keep_their_ids(folder: Path) -> None:
    new = replace(some(MORE, [0, 1, 2]), table=some(FIRST, [7, 8, 9]).table)
    with pytest.raises(InputError, match=r"holds 3 of the ids to add already \('d7', 'd8', 'd9'\)"):
        add_to_index(folder, new)
    made = add_to_index(folder, new, replace_ids=True, threads=1)
    assert made.rows == 300 and made.languages == {"de": 100, "en": 100, "zh-Hant": 100}
    index = open_index(folder)
    row = int(index.rows_of(pa.array(["d8"]))[0])
    stored = search_index(index, [MORE.read(np.array([1]))[0]], k=1)[0]
    assert stored.rows[0] == row and check_index(folder).rows == 300


def test_a_change_that_is_killed_changes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    changes: tuple[Callable[[], object], ...] = (
        partial(add_to_index, folder, MORE, threads=1),
        partial(delete_from_index, folder, ["d3"]),
        partial(compact_index, folder),
    )
    delete_from_index(folder, ["d9"])  # something for `compact` to do
    before = bytes_of(folder)
    monkeypatch.setattr(change, "_swap", killed)
    for changed in changes:
        with pytest.raises(KeyboardInterrupt):
            changed()
        assert bytes_of(folder) == before


def test_readers_keep_what_they_opened(folder: Path) -> None:
    index = open_index(folder)
    before = search_index(index, QUERIES, k=5)
    delete_from_index(folder, [index.table["id"][int(each.rows[0])].as_py() for each in before])
    compact_index(folder)
    for old, new in zip(before, search_index(index, QUERIES, k=5), strict=True):
        assert np.array_equal(old.rows, new.rows)


def test_refusals(folder: Path) -> None:
    with pytest.raises(InputError, match=r"does not hold 1 of the ids to delete \('x'\); nothing was deleted"):
        delete_from_index(folder, ["d1", "x"])
    with pytest.raises(MismatchError, match="holds token vectors of 24 dimensions, those to add have 8"):
        add_to_index(folder, collection(5, dim=8, first=900))
    with pytest.raises(MismatchError, match="was built with encoder 'a'"):
        build_index(folder.with_name("a"), replace(FIRST, encoder_name="a", encoder_hash="1" * 64), threads=1)
        add_to_index(folder.with_name("a"), replace(MORE, encoder_name="b", encoder_hash="2" * 64))
    delete_from_index(folder, FIRST.table["id"].to_pylist())
    assert search_index(open_index(folder), QUERIES, k=3)[0].rows.tolist() == []
    with pytest.raises(InputError, match="all of its documents are deleted"):
        compact_index(folder)


@pytest.mark.parametrize(
    "name", ["centroids.npy", "part-00001.codes.npy", "part-00001.postings.npy", "part-00001.arrow"]
)
def test_damage_is_told(name: str, folder: Path) -> None:
    path = folder / name
    data = bytearray(path.read_bytes())
    data[-30] ^= 255
    path.write_bytes(data)
    with pytest.raises(InputError, match="its bytes are not those that were written"):
        check_index(folder)
    path.write_bytes(data[:-40])
    with pytest.raises(InputError, match=f"{name}: has [0-9,]+ bytes, wanted [0-9,]+"):
        open_index(folder)
    path.unlink()
    with pytest.raises(InputError, match="missing from the index"):
        open_index(folder)


def test_a_manifest_that_lies_is_told(folder: Path) -> None:
    fields = read_manifest(folder, kind="index")
    write_manifest(folder, {**fields, "rows": 299})
    with pytest.raises(InputError, match="has 300 rows, the manifest says 299"):
        open_index(folder)
    write_manifest(folder, {name: value for name, value in fields.items() if name != "parts"})
    with pytest.raises(InputError, match="incomplete"):
        open_index(folder)
    write_manifest(folder, {**fields, "type": "dense"})
    with pytest.raises(InputError, match="of kind 'dense', wanted 'multivector'"):
        open_index(folder)


def test_damage_is_told_by_searches_too(folder: Path) -> None:
    """What has the right size and cannot be: an error of ours, whichever way of searching meets it."""
    delete_from_index(folder, ["d3", "d4"])

    def array(name: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
        return lambda path: np.save(path / name, change(np.load(path / name)))

    def header(path: Path) -> None:
        raw = (path / "levels.npy").read_bytes()
        (path / "levels.npy").write_bytes(raw.replace(b"'descr'", b"(((((((", 1))

    def row(path: Path) -> None:
        name = read_manifest(path, kind="index")["deleted"]
        write_batches(path / name, [pa.record_batch({"row": pa.array([3, 10**6])})], pa.schema([("row", pa.int64())]))

    damages: list[tuple[Callable[[Path], None], str]] = [
        (array("part-00001.starts.npy", lambda old: np.concatenate([old[:5], old[4:5] * 0, old[6:]])), "do not add up"),
        (array("part-00001.postings.npy", lambda old: np.full_like(old, 65_535)), "name rows beyond it"),
        (header, "not a readable array"),
        (row, "does not hold numbers of the index's 300 rows"),
    ]
    for number, (damage, said) in enumerate(damages):
        copy = folder.with_name(f"damaged{number}")
        shutil.copytree(folder, copy)
        damage(copy)
        with pytest.raises(InputError, match=said):
            search_index(open_index(copy), QUERIES, k=5, probe=9, depth=9)
    fields = read_manifest(folder, kind="index")
    write_manifest(folder, {**fields, "type": ["x"]})
    with pytest.raises(InputError, match="is an index of kind"):
        index_kind(folder)


def test_a_change_that_was_interrupted_when_it_was_made_stays_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = sweep, 0

    def interrupted(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:  # the one after the manifest was replaced
            raise KeyboardInterrupt
        real(*arguments)

    monkeypatch.setattr(change, "sweep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        add_to_index(folder, MORE, threads=1)
    assert check_index(folder).rows == 420
