"""What an index is not made of, and what it does not become: damaged vectors, edited manifests, full disks."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.indexes.test_dense_build import CORPUS, X, add, build, contents, edit, stored, turn
from tests.indexes.test_dense_search import vectors_of
from xret import __version__
from xret.errors import InputError, MismatchError, VectorsError
from xret.indexes import add_to_index, build_index, check_index, delete_from_index, open_index
from xret.indexes.dense.training import WritingError
from xret.vectors import Vectors, write_vectors


def test_rows_of_an_edited_manifest_are_not_believed(tmp_path: Path) -> None:
    folder = tmp_path / "i"
    build(folder, rows=500)
    delete_from_index(folder, ["d3"])
    open_index(folder)
    edit(folder, rows=500)
    for used in (lambda: open_index(folder), lambda: delete_from_index(folder, ["d4"]), lambda: add(folder, 500, 510)):
        with pytest.raises(InputError, match=r"has 499 rows, the manifest says 500; run xret index check"):
            used()
    with pytest.raises(InputError, match=r"has 499 rows, the manifest says 500; build the index again"):
        check_index(folder)


@pytest.mark.parametrize("factory", ["Flat", "SQ8"])  # read while adding; read while training
def test_vectors_that_are_not_sound_are_not_indexed(tmp_path: Path, factory: str) -> None:
    build_index(tmp_path / "whole", vectors_of(CORPUS, X))
    for value, words in ((0, r"'d7' \(row 7\) has length 0, wanted more"), (3, r"'d7' .* has length .*, wanted 1")):
        wrong = X.copy()
        wrong[7] *= value
        write_vectors(tmp_path / f"v{value}", [(CORPUS["id"].to_pylist(), wrong)], dim=16, dtype="float16")
        with pytest.raises(VectorsError, match=words):
            build_index(tmp_path / "i", Vectors.open(tmp_path / f"v{value}"), factory=factory)
    assert not (tmp_path / "i").exists()
    build_index(tmp_path / "i", vectors_of(CORPUS, 3 * X), factory=factory)  # nobody promised a length


def test_a_flipped_bit_in_the_vectors_is_found(tmp_path: Path) -> None:
    vectors = stored(tmp_path / "v", "alpha")
    build_index(tmp_path / "i", vectors)
    turn(tmp_path / "v" / "vectors-00000.arrow")
    build_index(tmp_path / "grows", vectors_of(CORPUS.slice(0, 1), X[:1]))
    delete_from_index(tmp_path / "grows", ["d0"])
    for change, name in ((build_index, "j"), (add_to_index, "grows")):
        with pytest.raises(VectorsError, match=r"vectors-00000.arrow: checksum .*; make the vectors again"):
            change(tmp_path / name, Vectors.open(tmp_path / "v"))


def emptied(place: Path) -> Path:
    """An index all of whose rows were deleted."""
    build_index(place / "empty", vectors_of(CORPUS.slice(0, 2), X[:2]))
    delete_from_index(place / "empty", ["d0", "d1"])
    return place / "empty"


def test_an_emptied_index_says_that_it_is_empty(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no rows in language 'de'; it has no rows at all"):
        open_index(emptied(tmp_path)).kept(["de"])


def test_lengths_in_an_index_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("xret.indexes.dense.lengths.unit_rows", lambda rows: rows * np.float32(1.5))
        build(tmp_path / "i")
    with pytest.raises(InputError, match=r"the vector of id 'd0' \(row 0\) has length 1.5, wanted 1"):
        check_index(tmp_path / "i")


def test_another_version_of_the_encoder_is_called_that(tmp_path: Path) -> None:
    build_index(tmp_path / "i", stored(tmp_path / "a", "alpha"))
    with pytest.raises(MismatchError, match=r"another version of encoder 'alpha' .*; build the index again$"):
        open_index(tmp_path / "i").refuse_other_encoder("alpha", 64 * "b")


def test_both_kinds_of_manifest_tell_the_version(tmp_path: Path) -> None:
    vectors = stored(tmp_path / "a", "alpha")
    assert build_index(tmp_path / "i", vectors).versions["xret"] == vectors.manifest["xret"] == __version__


@pytest.mark.parametrize(
    "writer",
    ["change.write_batches", "parts.write_batches", "layout.write_manifest", "parts.seal", "parts.write_faiss"],
)
def test_a_full_disk_leaves_the_index_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: str) -> None:
    folder = tmp_path / "i"
    build(folder, rows=500)
    before = contents(folder)

    def fail(*_: Any) -> None:
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if "faiss" in writer:
            raise WritingError("part-00002.faiss: writing failed") from full
        raise full

    with monkeypatch.context() as patch:
        patch.setattr(f"xret.indexes.dense.{writer}", fail)
        deleting = "change" in writer
        change: Callable[[], object] = lambda: delete_from_index(folder, ["d1"]) if deleting else add(folder, 500, 510)  # noqa: E731
        with pytest.raises(InputError, match=r"i: cannot be changed \(No space left on device\).*free some space"):
            change()
    assert contents(folder) == before
    add(folder, 500, 510)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a folder that cannot be written")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "i"
    build(folder, rows=500)
    folder.chmod(0o555)
    try:
        changes: list[Callable[[], object]] = [lambda: delete_from_index(folder, ["d1"]), lambda: add(folder, 500, 510)]
        for change in changes:
            with pytest.raises(InputError, match=r"i: cannot be changed .*make the folder writable"):
                change()
    finally:
        folder.chmod(0o755)


def test_a_tiny_budget_learns_from_enough_rows(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "xret"):
        made = build(tmp_path / "i", rows=150, memory=1024)
        assert (made.factory, caplog.text) == ("SQ8", "")
        assert "take 2.3 KiB, more than the 1.0 KiB budget; auto has nothing smaller" in made.reason
        build(tmp_path / "j", rows=20, factory="SQ8")
    assert "'SQ8': learns from 20 of 20 rows, and 39 or more are advised" in caplog.text
