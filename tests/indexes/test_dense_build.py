"""Index folders: made, extended, shrunk, checked, and damaged in every way."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.indexes.test_dense_search import corpus_of, unit, vectors_of
from xret.errors import InputError, MismatchError
from xret.indexes import (
    Manifest,
    add_to_index,
    build_index,
    check_index,
    delete_from_index,
    open_index,
    search_index,
)
from xret.indexes.dense.training import read_faiss
from xret.vectors import Vectors, write_vectors

CORPUS, X = corpus_of(600), unit(600, 1)


def build(folder: Path, *, rows: int = 600, **options: Any) -> Manifest:
    return build_index(folder, vectors_of(CORPUS.slice(0, rows), X[:rows]), corpus=CORPUS.slice(0, rows), **options)


def add(folder: Path, start: int, stop: int) -> Manifest:
    part = CORPUS.slice(start, stop - start)
    return add_to_index(folder, vectors_of(part, X[start:stop]), corpus=part)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("factory", ["auto", "IVF4_HNSW4,SQ8", "HNSW8", "IVF4,PQ4x4"])
def test_two_builds_are_equal_byte_by_byte(tmp_path: Path, factory: str) -> None:
    for name in ("a", "b"):
        build(tmp_path / name, factory=factory)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert check_index(tmp_path / "a").rows == 600


def test_added_rows_are_found_and_small_parts_are_joined(tmp_path: Path) -> None:
    folder = tmp_path / "i"
    build(folder, rows=500)
    for start in range(500, 600, 20):
        made = add(folder, start, start + 20)
    assert (made.rows, len(made.parts), sum(made.languages.values())) == (600, 1, 600)
    assert len(list(folder.iterdir())) == 4  # nothing of the parts replaced is left
    index = open_index(folder)
    assert np.array_equal(search_index(index, X, k=1).rows[:, 0], np.arange(600))
    assert index.corpus.equals(CORPUS.select(["id", "lang", "text"]))
    check_index(folder)


def test_an_interrupted_addition_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "i"
    build(folder, rows=500)
    before = contents(folder)

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Manifest, "write", die)
        add(folder, 500, 600)
    assert before.items() < contents(folder).items()  # the new part is there, and nothing names it
    assert open_index(folder).table.num_rows == 500
    add(folder, 500, 600)
    assert check_index(folder).rows == 600
    assert len(list(folder.iterdir())) == 4


def test_deleted_rows_are_gone_and_may_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "i"
    build(folder)
    made = delete_from_index(folder, ["d0", "d5", "d5"])
    assert (made.rows, made.languages["zh-Hant"]) == (598, 6)
    with pytest.raises(InputError, match=r"does not hold 1 of the ids to delete \('d5'\); nothing was deleted"):
        delete_from_index(folder, ["d6", "d5"])
    index = open_index(folder)
    assert set(search_index(index, X, k=598).rows.ravel()) == set(range(600)) - {0, 5}
    assert index.corpus.num_rows == 598
    add(folder, 5, 6)
    assert check_index(folder).rows == 599


def test_what_cannot_be_added(tmp_path: Path) -> None:
    folder = tmp_path / "i"
    build(folder, rows=500)
    before = contents(folder)
    with pytest.raises(InputError, match=r"holds 10 of the ids to add already \('d490', 'd491', 'd492', …\)"):
        add(folder, 490, 510)
    with pytest.raises(InputError, match="keeps texts, and vectors alone have none"):
        add_to_index(folder, vectors_of(CORPUS.slice(500), X[500:]))
    with pytest.raises(MismatchError, match="vectors of 16 dimensions, those to add have 8"):
        add_to_index(folder, vectors_of(CORPUS.slice(500), X[500:, :8].copy()), corpus=CORPUS.slice(500))
    with pytest.raises(InputError, match="no rows to add"):
        add(folder, 500, 500)
    assert contents(folder) == before


def stored(folder: Path, encoder: str) -> Vectors:
    batches = [(CORPUS["id"].combine_chunks(), X)]
    write_vectors(
        folder, batches, dim=16, dtype="float32", fields={"encoder": encoder, "encoder_hash": 64 * encoder[0]}
    )
    return Vectors.open(folder)


def test_a_foreign_encoder_is_refused_with_both_names(tmp_path: Path) -> None:
    ours, theirs = stored(tmp_path / "a", "alpha"), stored(tmp_path / "b", "beta")
    made = build_index(tmp_path / "i", ours)
    assert (made.encoder, made.text, made.languages) == ("alpha", False, {"und": 600})
    index = open_index(tmp_path / "i")
    search_index(index, ours, k=1)
    for refused in (lambda: search_index(index, theirs, k=1), lambda: add_to_index(tmp_path / "i", theirs)):
        with pytest.raises(
            MismatchError, match=r"built with encoder 'alpha' \(aaaaaaaaaaaa\), .* 'beta' .*--encoder alpha"
        ):
            refused()
    with pytest.raises(InputError, match="built without texts"):
        _ = index.corpus


def test_what_cannot_be_built(tmp_path: Path) -> None:
    target = tmp_path / "i"
    with pytest.raises(InputError, match="no rows to index"):
        build(target, rows=0)
    with pytest.raises(InputError, match="learns 1,000 centres and so needs at least as many rows, but there are 600"):
        build(target, factory="IVF1000,Flat")
    with pytest.raises(MismatchError, match="600 vectors and 500 corpus rows"):
        build_index(target, vectors_of(CORPUS, X), corpus=CORPUS.slice(0, 500))
    other = CORPUS.set_column(0, "id", pa.array([f"{'x' if row == 9 else 'd'}{row}" for row in range(600)]))
    with pytest.raises(MismatchError, match="row 10 has id 'd9' in the vectors and 'x9' in the corpus"):
        build_index(target, vectors_of(CORPUS, X), corpus=other)
    twice = pa.table({"id": ["a", "b", "a"], "vector": pa.FixedSizeListArray.from_arrays(X[:3].ravel(), 16)})
    with pytest.raises(InputError, match="id 'a' stands twice"):
        build_index(target, Vectors.open(twice))
    assert list(tmp_path.iterdir()) == []
    target.mkdir()
    with pytest.raises(InputError, match="exists already"):
        build(target)


@pytest.mark.parametrize("reader", [open_index, check_index])
def test_an_index_that_changes_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: Callable[[Path], Any]
) -> None:
    """Another process's change is complete, and the old part removed, when its files are asked for."""
    folder = tmp_path / "i"
    build(folder, rows=500)
    changes = iter([520])

    def late(path: Path) -> Any:
        for stop in changes:  # once: the addition itself opens the index, too
            add(folder, 500, stop)
            assert not path.exists()
        return read_faiss(path)

    monkeypatch.setattr("xret.indexes.dense.opened.read_faiss", late)
    found = reader(folder)
    assert (found.rows if reader is check_index else found.table.num_rows) == 520
    (folder / "part-00002.faiss").unlink()
    with pytest.raises(InputError, match=r"part-00002.faiss: missing"):  # and no endless tries
        reader(folder)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def turn(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def edit(folder: Path, **fields: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_damage_is_told_in_one_line(tmp_path: Path) -> None:
    build(tmp_path / "whole")
    damages: list[tuple[Callable[[Path], Any], str]] = [
        (lambda f: cut(f / "part-00001.faiss"), r"part-00001.faiss: has [\d,]+ bytes, wanted [\d,]+ \(truncated"),
        (lambda f: cut(f / "part-00001.arrow"), r"part-00001.arrow: has [\d,]+ bytes"),
        (lambda f: (f / "part-00001.arrow").unlink(), "part-00001.arrow: missing"),
        (lambda f: turn(f / "part-00001.faiss"), "part-00001.faiss: .*wrong checksum"),
        (lambda f: (f / "manifest.json").unlink(), "has no manifest.json"),
        (lambda f: (f / "manifest.json").write_text("{"), "broken JSON"),
        (lambda f: edit(f, kind="vectors"), "holds 'vectors', wanted an index folder"),
        (lambda f: edit(f, type="lexical"), "index of type 'lexical'"),
        (lambda f: edit(f, parts=3), "incomplete"),
        (lambda f: edit(f, rows=601), "has 600 rows, the manifest says 601"),
        (lambda f: edit(f, languages={"de": 600}), "rows per language"),
        (shutil.rmtree, "no such folder"),
    ]
    for number, (damage, message) in enumerate(damages):
        folder = tmp_path / f"copy{number}"
        shutil.copytree(tmp_path / "whole", folder)
        damage(folder)
        with pytest.raises(InputError, match=message) as caught:
            check_index(folder)
        assert "\n" not in str(caught.value)


def test_only_one_process_changes_an_index(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    build(tmp_path / "i", rows=500)
    other = os.open(tmp_path / "i", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(InputError, match="another process is changing this index"):
        add(tmp_path / "i", 500, 600)
    open_index(tmp_path / "i")
    os.close(other)
    add(tmp_path / "i", 500, 600)
