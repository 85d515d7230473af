"""Artifacts: hashes that mean content, and files that are there whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xret.artifact import atomic_file, atomic_folder, canonical, digest, file_hash, read_manifest, write_manifest
from xret.errors import InputError

Atomic = Callable[[Path], AbstractContextManager[Path]]

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abü", max_size=2), inner, max_size=3),
    max_leaves=6,
)


@given(values)
def test_canonical_is_json_and_ignores_key_order(value: object) -> None:
    assert json.loads(canonical(value)) == value
    if isinstance(value, dict):
        assert canonical(dict(reversed(value.items()))) == canonical(value)


def test_canonical_and_digest_are_pinned() -> None:
    """Caches of earlier versions are found by these strings: a change here empties them all."""
    assert canonical({"b": [1, None], "a": "ü"}) == '{"a":"ü","b":[1,null]}'
    assert digest("a", 1) == hashlib.sha256(b'\x03\0\0\0\0\0\0\0"a"\x01\0\0\0\0\0\0\x001').hexdigest()


def test_digest_tells_parts_apart() -> None:
    assert len({digest("ab", "c"), digest("a", "bc"), digest("abc"), digest(["ab", "c"]), digest(b"ab", b"c")}) == 5


def test_file_hash(tmp_path: Path) -> None:
    data = bytes(range(256)) * 9000  # more than one block
    (tmp_path / "f").write_bytes(data)
    assert file_hash(tmp_path / "f") == hashlib.sha256(data).hexdigest()


def test_file_appears_when_complete(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    target.write_text("old")
    with atomic_file(target) as temporary:
        temporary.write_text("new")
        assert temporary.parent == tmp_path
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]
    assert target.stat().st_mode & 0o777 == 0o666 & ~_mask()


def test_folder_appears_when_complete(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with atomic_folder(target) as temporary:
        (temporary / "part").write_text("x")
        assert not target.exists()
    assert (target / "part").read_text() == "x"
    assert list(tmp_path.iterdir()) == [target]
    assert target.stat().st_mode & 0o777 == 0o777 & ~_mask()


@pytest.mark.parametrize("atomic", [atomic_file, atomic_folder])
def test_nothing_is_left_after_a_failure(tmp_path: Path, atomic: Atomic) -> None:
    with pytest.raises(KeyboardInterrupt), atomic(tmp_path / "out"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("atomic", [atomic_file, atomic_folder])
def test_full_disk_and_missing_folder(tmp_path: Path, atomic: Atomic) -> None:
    full = r"out: writing failed \(No space left on device\); free some space"
    with pytest.raises(InputError, match=full), atomic(tmp_path / "out"):
        raise OSError(errno.ENOSPC, "No space left on device")
    missing = r"out: cannot write here \(No such file or directory\); give an existing"
    with pytest.raises(InputError, match=missing), atomic(tmp_path / "no" / "out"):
        pass


def test_errors_about_other_files_are_left_alone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="input"), atomic_file(tmp_path / "out"):
        (tmp_path / "input").read_text()


def test_targets_of_the_wrong_kind(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder; give the name of a file to write"), atomic_file(tmp_path):
        pass
    with pytest.raises(InputError, match="exists already; remove it or choose another name"), atomic_folder(tmp_path):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="file locks tell the living from the dead on POSIX only")
@pytest.mark.parametrize("atomic", [atomic_file, atomic_folder])
def test_rests_of_killed_processes_are_swept(tmp_path: Path, atomic: Atomic) -> None:
    dead, young, other = (tmp_path / f".{name}.part" for name in ("out.dead", "out.young", "other.dead"))
    dead_folder = tmp_path / ".out.folder.part"
    (dead_folder / "deep").mkdir(parents=True)
    for path in (dead, young, other):
        path.touch()
    with pytest.raises(KeyboardInterrupt), atomic(tmp_path / "out") as living:
        for path in (dead, dead_folder, other, living):
            os.utime(path, (0, time.time() - 3600))
        with atomic_file(tmp_path / "out") as temporary:
            assert set(tmp_path.iterdir()) == {young, other, living, temporary}
        raise KeyboardInterrupt
    assert set(tmp_path.iterdir()) == {young, other, tmp_path / "out"}


def test_manifest_round_trip(tmp_path: Path) -> None:
    write_manifest(tmp_path, {"kind": "vectors", "rows": 3, "name": "ü"})
    assert read_manifest(tmp_path, kind="vectors") == {"kind": "vectors", "rows": 3, "name": "ü"}
    assert list(json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))) == ["kind", "name", "rows"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "has no manifest.json, so it is not an index folder made by xret"),
        ("{", "broken JSON"),
        ("[]", "holds 'list', wanted an index folder"),
        ('{"kind": "vectors"}', "holds 'vectors', wanted an index folder"),
    ],
)
def test_wrong_manifests(tmp_path: Path, content: str | None, said: str) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InputError, match=said):
        read_manifest(tmp_path, kind="index")
    with pytest.raises(InputError, match="no such folder; wanted a vectors folder made by xret"):
        read_manifest(tmp_path / "no", kind="vectors")


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
