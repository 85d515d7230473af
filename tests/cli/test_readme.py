"""What the README tells people to type works, in the folder in which it tells them to."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_commands_run_in_the_order_in_which_they_stand(sample: Path, cli: Cli) -> None:
    lines = [line for kind, text in BLOCKS if not kind for line in text.splitlines() if line.startswith("xret ")]
    assert len(lines) >= 8
    for line in lines:
        called = cli(*shlex.split(line)[1:])
        assert called.code == 0, f"{line}\n{called.err}"


def test_the_python_runs(sample: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for code in [text for kind, text in BLOCKS if kind == "python"]:
        exec(compile(code, "README.md", "exec"), {})
    assert "nDCG@10" in capfd.readouterr().out


def test_the_two_lines_at_the_top_are_the_first_two_blocks() -> None:
    (_, run), (_, test) = BLOCKS[:2]
    assert run.count("\n") == test.count("\n") == 1
    assert run.strip().endswith("&& xret demo") and "'.[cpu]'" in run
    assert test.strip() == "pip install -e '.[test]' && python -m pytest"


def test_the_check_script_finds_the_test_line() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    (awk,) = re.findall(r"^test_line=\$\((awk .* README\.md)\)$", script, re.MULTILINE)
    done = subprocess.run(["bash", "-c", awk], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == BLOCKS[1][1]


def test_every_extra_is_explained() -> None:
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.findall(r"^\| `([\w-]+)` \|", README[README.index("## Extras") :], re.MULTILINE)) == set(extras)
