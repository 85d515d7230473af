"""Writing where something is already: links, FIFOs, devices, open files, folders to replace; and temporary folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from xret.atomic import atomic_file, atomic_folder, real_place, temporary_folder
from xret.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX has links, FIFOs, devices and locks")


@posix
@pytest.mark.parametrize("old", ["old", None])
def test_a_link_stays_and_its_end_is_replaced(tmp_path: Path, old: str | None) -> None:
    (tmp_path / "far").mkdir()
    end, link, first = tmp_path / "far" / "end", tmp_path / "link", tmp_path / "first"
    if old:
        end.write_text(old)
    link.symlink_to("far/end")
    first.symlink_to(link)
    with pytest.raises(KeyboardInterrupt), atomic_file(first) as temporary:
        raise KeyboardInterrupt
    assert (end.read_text() if end.exists() else None) == old
    with atomic_file(first) as temporary:
        temporary.write_text("new")
        assert temporary.parent == end.parent
    assert first.is_symlink() and link.is_symlink() and not end.is_symlink()
    assert end.read_text() == "new" and list(end.parent.iterdir()) == [end]


@posix
def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(InputError, match="circle: is a link that leads back"), atomic_file(tmp_path / "circle"):
        pass
    (tmp_path / "lost").symlink_to("gone/file")
    with pytest.raises(InputError, match="lost: cannot write here"), atomic_file(tmp_path / "lost"):
        pass
    with pytest.raises(InputError, match="lost: exists already"), atomic_folder(tmp_path / "lost"):
        pass


def test_of_two_that_make_a_folder_at_once_the_first_stays(tmp_path: Path) -> None:
    target = tmp_path / "made"
    with pytest.raises(InputError, match="made by somebody else meanwhile"), atomic_folder(target) as second:
        with atomic_folder(target) as first:
            (first / "whose").write_text("the first's")
        (second / "whose").write_text("the second's")
    assert (target / "whose").read_text() == "the first's" and list(tmp_path.iterdir()) == [target]


@posix
def test_bytes_flow_into_a_fifo(tmp_path: Path) -> None:
    fifo, read = tmp_path / "fifo", []
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()))
    reader.start()
    with atomic_file(fifo) as temporary:
        temporary.write_bytes(b"x" * 100_000)
    reader.join()
    assert read == [b"x" * 100_000] and fifo.is_fifo() and list(tmp_path.iterdir()) == [fifo]


@posix
def test_devices_stay_devices() -> None:
    with atomic_file(Path(os.devnull)) as temporary:
        temporary.write_text("x")
    assert real_place(Path(os.devnull)) is None and Path(os.devnull).is_char_device()
    if Path("/dev/full").is_char_device():
        full = pytest.raises(InputError, match=r"/dev/full: cannot write into it \(No space")
        with full, atomic_file(Path("/dev/full")) as temporary:
            temporary.write_text("x")


@posix
@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no /dev/stdout")
def test_an_open_file_is_written_where_it_stands(tmp_path: Path) -> None:
    """``(echo before; xret … -o /dev/stdout; echo after) >> log`` keeps every line of the log."""
    log = tmp_path / "log"
    log.write_text("old\n")
    code = """
from pathlib import Path
from xret.atomic import atomic_file
with atomic_file(Path("/dev/stdout")) as temporary:
    temporary.write_text("data\\n")
"""
    for mode, kept in (("a", "old\n"), ("w", "")):
        with open(log, mode) as stream:
            print("before", file=stream, flush=True)
            subprocess.run([sys.executable, "-c", code], stdout=stream, check=True, cwd=ROOT)
            print("after", file=stream, flush=True)
        assert log.read_text() == f"{kept}before\ndata\nafter\n"
        log.write_text("old\n")
    with open(log, "wb") as stream, atomic_file(Path(f"/dev/fd/{stream.fileno()}")) as temporary:
        temporary.write_text("by number")
    assert log.read_text() == "by number" and list(tmp_path.iterdir()) == [log]


def test_a_folder_is_replaced_when_the_new_one_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(KeyboardInterrupt), atomic_folder(target, replace=True) as temporary:
        (temporary / "new").touch()
        assert (target / "old").exists()
        raise KeyboardInterrupt
    assert [path.name for path in target.iterdir()] == ["old"]
    with atomic_folder(target, replace=True) as temporary:
        (temporary / "new").touch()
    assert [path.name for path in target.iterdir()] == ["new"] and list(tmp_path.iterdir()) == [target]


def test_a_failing_swap_brings_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, replace, calls = tmp_path / "out", os.replace, []
    target.mkdir()
    (target / "old").touch()

    def second_fails(source: Path, place: Path) -> None:
        calls.append(source)
        if len(calls) == 2:
            raise KeyboardInterrupt
        replace(source, place)

    monkeypatch.setattr(os, "replace", second_fails)
    with pytest.raises(KeyboardInterrupt), atomic_folder(target, replace=True) as temporary:
        (temporary / "new").touch()
    assert [path.name for path in target.iterdir()] == ["old"] and list(tmp_path.iterdir()) == [target]


def test_a_temporary_folder_lies_beside_the_output_and_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = tmp_path / "system"
    system.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(system))
    for beside, parent in ((tmp_path / "out.tsv", tmp_path), (Path(os.devnull), system), (None, system)):
        with temporary_folder(beside) as folder:
            (folder / "large").touch()
            assert folder.parent == parent
        assert list(tmp_path.iterdir()) == [system] and not list(system.iterdir())
    with pytest.raises(InputError, match="out: cannot write here"), temporary_folder(tmp_path / "gone" / "out"):
        pass


@posix
def test_what_a_killed_process_left_is_swept_and_the_living_are_spared(tmp_path: Path) -> None:
    with temporary_folder(tmp_path / "out") as living:
        dead = tmp_path / ".out.dead.part"
        shutil.copytree(living, dead)
        for path in (dead, living):
            os.utime(path, (0, time.time() - 3600))
        with temporary_folder(tmp_path / "out"):
            assert living.exists() and not dead.exists()


@posix
def test_a_forked_child_leaves_the_folder_of_its_parent(tmp_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from xret.atomic import temporary_folder
with temporary_folder(Path(sys.argv[1])) as folder:
    if not (child := os.fork()):
        sys.exit()
    assert os.waitpid(child, 0)[1] == 0 and folder.exists()
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "out")], check=True, cwd=ROOT)
    assert not list(tmp_path.iterdir())
