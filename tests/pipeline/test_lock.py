"""Two processes that share a work folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import sys, time
from pathlib import Path
from tests.pipeline.conftest import Upper, corpus
from xret.pipeline import Pipeline

work = Path(sys.argv[1])

class Slow(Upper):
    name = "slow"

    def run(self, *values, work):
        (work.parents[2] / "begun").touch()
        while not (work.parents[2] / "go").exists():
            time.sleep(0.01)
        return super().run(*values, work=work)

Pipeline([Slow()])({"corpus": corpus("a")}, work=work, on_step=lambda report: print(report.status))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is locked there")
def test_the_second_one_says_for_whom_it_waits_and_takes_the_result(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "work")]
    with _started(command) as first:
        try:
            while not (tmp_path / "begun").exists():
                assert first.poll() is None
            with _started(command) as second:
                assert second.stderr and second.stdout and first.stdout
                said = second.stderr.readline()
                (tmp_path / "go").touch()
                assert f"process {first.pid} on" in said and "waiting" in said
                assert second.stdout.read() == "cached\n"
            assert first.stdout.read() == "computed\n"
        finally:
            (tmp_path / "go").touch()


def _started(command: list[str]) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    )
