"""Stages know nothing of what lies above them, and compose all the same."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("path", sorted((ROOT / "xret" / "stages").rglob("*.py")), ids=lambda path: path.name)
def test_nothing_from_above_is_imported(path: Path) -> None:
    assert not [name for name in imported(path) if name.startswith(("xret.pipeline", "xret.cli"))]


@pytest.mark.parametrize("path", sorted((ROOT / "xret" / "indexes").rglob("*.py")), ids=lambda path: path.name)
def test_indexes_import_no_encoder_and_no_stage(path: Path) -> None:
    above = ("xret.encoders", "xret.stages", "xret.pipeline", "xret.cli", "xret.eval")
    assert not [name for name in imported(path) if name.startswith(above)]


@pytest.mark.parametrize("path", sorted((ROOT / "xret" / "eval").rglob("*.py")), ids=lambda path: path.name)
def test_evaluation_imports_no_encoder_no_index_and_no_stage(path: Path) -> None:
    above = ("xret.encoders", "xret.indexes", "xret.stages", "xret.pipeline", "xret.cli")
    assert not [name for name in imported(path) if name.startswith(above)]


def imported(path: Path) -> set[str]:
    """The modules that a file imports, for types alone left out."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    return modules


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("from xret import Encode, Index; print(type(Encode() >> Index() >> Encode()).__name__)", "Pipeline"),
        ("import xret.pipeline; from xret.stages.fuse import Fuse; print(type(Fuse() >> Fuse()).__name__)", "Pipeline"),
    ],
)
def test_stages_compose_in_a_fresh_interpreter(code: str, said: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == said, done.stderr


def test_without_pipelines_the_error_says_what_to_import() -> None:
    code = "from xret.stages.fuse import Fuse; Fuse() >> Fuse()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert "composed by xret.pipeline: import it" in done.stderr
