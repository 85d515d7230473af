"""The public face: `xret`'s names are what it says, and neither it nor `xret --help` loads anything heavy."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import xret

ROOT = Path(__file__).resolve().parents[1]
HEAVY = (
    "numpy",
    "pyarrow",
    "onnxruntime",
    "onnx",
    "faiss",
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "tqdm",
)


@pytest.mark.parametrize("name", [name for name in xret.__all__ if name != "__version__"])
def test_each_public_name_exists_and_is_documented(name: str) -> None:
    value = getattr(xret, name)
    assert value is getattr(importlib.import_module(value.__module__), name)
    assert len(value.__doc__ or "") > 20
    assert name in dir(xret)


def test_the_lists_of_names_agree() -> None:
    assert xret.__all__ == sorted(xret.__all__)
    assert {*xret._HOME, "__version__"} == set(xret.__all__)
    tree = ast.parse((ROOT / "xret" / "__init__.py").read_text())
    typed = {
        (node.module, name.asname) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for name in node.names
    }
    assert {(home, name) for name, home in xret._HOME.items()} <= typed  # what type checkers see is what is loaded


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lod_encoder'"):
        xret.lod_encoder  # noqa: B018


def test_the_version_is_that_of_the_project_file() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert xret.__version__ == project["version"]
    assert f"## {xret.__version__}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize(
    "code",
    [
        "import xret",
        "import xret.cli",
        "from xret.cli import main; main(['--help'])",
        "import xret.stages, xret.errors",
    ],
)
def test_a_fresh_interpreter_loads_nothing_heavy(code: str) -> None:
    probe = f"""
import sys
try:
    {code}
except SystemExit as stop:
    assert not stop.code, stop.code
print('loaded:', *(name for name in {HEAVY!r} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_every_command_shows_its_help_without_loading_anything_heavy() -> None:
    probe = f"""
import sys, click
from xret.cli.root import xret as root
def walk(command, names):
    context = click.Context(command, info_name=' '.join(names))
    command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            walk(command.get_command(context, name), [*names, name])
walk(root, ['xret'])
print('loaded:', *(name for name in {HEAVY!r} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "loaded:"
