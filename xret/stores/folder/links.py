"""Aliases of folders: relative links, replaced in one step."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from xret.errors import InputError

__all__ = ["led_by", "replace_link"]


def replace_link(link: Path, target: Path) -> Path | None:
    """Make a link lead to a folder beside it; gives the folder that it led to before.

    Raises:
        InputError: something that is no link has its name, or it cannot be written.
    """
    if link.exists() and not link.is_symlink():
        raise InputError(f"{link}: is a store, no alias; choose another name, or move that folder away first")
    before = link.parent / os.readlink(link) if link.is_symlink() else None
    fresh = link.with_name(f".{link.name}.{os.getpid()}.link")
    try:
        with suppress(FileNotFoundError):
            fresh.unlink()
        fresh.symlink_to(os.path.relpath(target.resolve(), link.parent.resolve()), target_is_directory=True)
        os.replace(fresh, link)
        _sync(link.parent)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise InputError(f"{link}: cannot be made to lead to {target} ({error.strerror or error})") from error
    return before


def led_by(folder: Path) -> list[str]:
    """The names of the links beside a folder that lead to it, in alphabetical order."""
    real = folder.resolve()
    return sorted(each.name for each in real.parent.iterdir() if each.is_symlink() and each.resolve() == real)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
