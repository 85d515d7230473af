"""Names of composed models: ``BASE+MODULE+MODULE``, each a folder or a hub id on disk."""

from __future__ import annotations

from pathlib import Path

from xret.errors import ModelError

__all__ = ["split_modules"]


def split_modules(name: str | Path) -> tuple[str | Path, tuple[str, ...]]:
    """The base model's name, and those of the modules put on it, in their order; () where there are none.

    A folder that has a plus in its name is a folder.

    Raises:
        ModelError: a part is empty.
    """
    if isinstance(name, Path) or "+" not in name or Path(name).exists():
        return name, ()
    base, *modules = name.split("+")
    if not base or not all(modules):
        raise ModelError(f"{name}: has an empty part; give BASE+MODULE, each a folder or a hub id on disk")
    return base, tuple(modules)
