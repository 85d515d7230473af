"""Model folders that are made from another one: where they may be, and what they tell people of themselves."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from xret.encoders.checkpoints.modules import read_json
from xret.errors import InputError

__all__ = ["add_chapter", "check_place", "copy_file", "rename_model", "write_json"]


def check_place(out: Path, model: Path) -> None:
    """Refuse, before any work is done, a folder that cannot be made.

    Args:
        out: the folder.
        model: the folder of the old model.

    Raises:
        InputError: `out` is there, lies inside `model`, or its parent is no folder.
    """
    if os.path.lexists(out):
        raise InputError(f"{out}: exists already; remove it or choose another name")
    parent = Path(os.path.realpath(out.parent))
    if not parent.is_dir():
        raise InputError(f"{out}: cannot write here (no folder {out.parent}); give an existing, writable folder")
    if parent.is_relative_to(os.path.realpath(model)):
        raise InputError(f"{out}: lies inside the model that it is to be made from; choose another place")


def rename_model(folder: Path, name: str) -> None:
    """Where config.json names the model, it now is another one."""
    path = folder / "config.json"
    config = read_json(path, missing={})
    if isinstance(config, dict) and isinstance(config.get("name"), str):
        write_json(path, {**config, "name": name})


def add_chapter(folder: Path, title: str, text: str) -> None:
    """Put a chapter behind the model card, or begin one with it.

    Args:
        folder: of the model.
        title: of the chapter.
        text: Markdown.
    """
    path = folder / "README.md"
    old = path.read_bytes() if path.is_file() else b""
    gap = b"\n" if old.endswith(b"\n") or not old else b"\n\n"
    path.write_bytes(old + gap * bool(old) + f"## {title}\n\n{text.strip()}\n".encode())


def write_json(path: Path, value: object) -> None:
    """Write a file that people read: indented, UTF-8."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def copy_file(source: Path, target: Path) -> None:
    """Copy a file of the old model, and the folders it lies in; a failure to write names the new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(source, "rb") as old, open(target, "wb") as new:
        shutil.copyfileobj(old, new, 1 << 20)
