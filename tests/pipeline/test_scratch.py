"""Temporary folders of pipelines that keep nothing: there while somebody needs them, and gone afterwards."""

from __future__ import annotations

import gc
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import Count, Fold, Upper, corpus
from xret.pipeline import StepReport

ROOT = Path(__file__).resolve().parents[2]
PIPE = Upper() >> Fold() >> Count()


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in the place of the system's for temporary files."""
    folder = tmp_path / "system"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def left(system: Path) -> list[str]:
    gc.collect()
    return [path.name for path in system.glob("*/*")] or [path.name for path in system.iterdir()]


def test_only_returned_folders_stay_and_only_while_they_are_held(system: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("eins\nzwei\n")
    values: dict[str, Any] = PIPE({"corpus": str(tmp_path / "text.txt")})
    assert len(left(system)) == 1  # neither the import, nor what the other stages worked in
    vectors = values.pop("vectors")
    assert values["report"].to_pylist() == [{"n": 2}] and values["corpus"]["text"].to_pylist() == ["EINS!", "ZWEI!"]
    del values
    half = vectors / "half"
    assert left(system) and half.is_file() and vectors == Path(vectors)
    del vectors
    assert left(system) and half.read_text()
    del half
    assert left(system) == []


def test_nothing_stays_of_tables_alone_or_of_a_failure(system: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("eins\nzwei\n")
    values: dict[str, Any] = (Upper() >> Upper())({"corpus": tmp_path / "text.txt"})
    assert left(system) == [] and values["corpus"].num_rows == 2

    def stop(_: StepReport) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        PIPE({"corpus": corpus("a")}, on_step=stop)
    assert left(system) == []


def test_a_folder_of_the_caller_is_used_and_left_to_him(system: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    values = PIPE({"corpus": corpus("a")}, scratch=own)
    assert str(values["vectors"]).startswith(str(own)) and left(system) == []
    del values
    assert list(own.glob("*-fold"))


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_the_end_of_the_process_removes_it_and_that_of_a_forked_child_does_not(tmp_path: Path) -> None:
    code = """
import os, sys, tempfile
from pathlib import Path
from xret.pipeline.scratch import Scratch
tempfile.tempdir = sys.argv[1]
scratch = Scratch()
(scratch.folder / "vectors").mkdir()
held = scratch.keep({"vectors": scratch.folder / "vectors"})
del scratch
if not (child := os.fork()):
    held.clear()
    sys.exit()
assert os.waitpid(child, 0)[1] == 0 and held["vectors"].is_dir()
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=ROOT)
    assert not list(tmp_path.iterdir())
