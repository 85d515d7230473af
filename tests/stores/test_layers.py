"""Stores know nothing of what lies above them, and load no client before one is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.stages.test_layers import imported

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "xret" / "stores").rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_from_above_is_imported(path: Path) -> None:
    above = ("xret.encoders", "xret.stages", "xret.pipeline", "xret.cli", "xret.eval", "xret.serving", "xret.engines")
    assert not [name for name in imported(path) if name.startswith(above)]


def test_one_file_names_the_client() -> None:
    assert [path.name for path in FILES if 'require("pymilvus"' in path.read_text()] == ["client.py"]
    assert not [path for path in FILES if {"pymilvus", "milvus_lite", "grpc"} & imported(path)]


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import xret.stores, xret.stores.place, xret.cli.store", ("numpy", "pyarrow", "faiss", "pymilvus")),
        (
            "import xret.stores.folder.making, xret.stores.milvus.making, xret.stores.verbs",
            ("pymilvus", "grpc", "faiss"),
        ),
    ],
)
def test_importing_is_light(code: str, absent: tuple[str, ...]) -> None:
    said = f"{code}; import sys; print([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
