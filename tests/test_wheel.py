"""The check of built wheels that .ci/run uses, on made-up wheels; and the links at the root."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHECK = ROOT / ".ci" / "wheel_files.py"


def check(wheel: Path, listing: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(CHECK), str(wheel), str(listing)], capture_output=True, text=True)


def make(folder: Path, *names: str) -> Path:
    path = folder / "xret-0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name in names:
            wheel.writestr(name, "")
    return path


def test_the_check_of_the_wheel_finds_lost_and_added_files(tmp_path: Path) -> None:
    listing = tmp_path / "tracked"
    listing.write_text("xret/__init__.py\nxret/sample/docs.jsonl\npyproject.toml\ntests/test_wheel.py\n")
    meta = "xret-0.dist-info/METADATA"
    assert check(make(tmp_path, "xret/__init__.py", "xret/sample/docs.jsonl", meta), listing).returncode == 0
    lost = check(make(tmp_path, "xret/__init__.py", meta), listing)
    assert lost.returncode == 1 and "missing from the wheel: xret/sample/docs.jsonl" in lost.stderr
    added = check(make(tmp_path, "xret/__init__.py", "xret/sample/docs.jsonl", "xret/x.part", meta), listing)
    assert added.returncode == 1 and "not tracked: xret/x.part" in added.stderr
    stray = check(make(tmp_path, "xret/__init__.py", "xret/sample/docs.jsonl", "eval/run.py", meta), listing)
    assert stray.returncode == 1 and "not tracked: eval/run.py" in stray.stderr


def test_the_root_links_lead_into_the_package() -> None:
    for name in ("encoders", "eval", "indexes"):
        link = ROOT / name
        if link.is_symlink():  # a checkout without links still works
            assert link.readlink() == Path("xret") / name
