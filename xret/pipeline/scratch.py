"""A temporary folder that lives as long as somebody holds a path in it."""

from __future__ import annotations

import os
import shutil
import sys
import weakref
from contextlib import ExitStack
from pathlib import Path

from xret.atomic import temporary_folder
from xret.stages.stage import Value

if sys.platform == "win32":
    from pathlib import WindowsPath as LocalPath
else:
    from pathlib import PosixPath as LocalPath

__all__ = ["Scratch"]


class Scratch:
    """A temporary folder, removed with this object and the last of the paths that `keep` gives.

    It also goes when the process ends, and not when a forked child does.

    Attributes:
        folder: where it lies.
    """

    def __init__(self) -> None:
        """Make the folder."""
        stack = ExitStack()
        self.folder = stack.enter_context(temporary_folder())
        weakref.finalize(self, stack.close)

    def keep(self, values: dict[str, Value]) -> dict[str, Value]:
        """The same values, paths into the folder holding it from now on; what none of them leads to is removed.

        Tables stay readable where they are mapped from a file without a name, that is: everywhere but on Windows.
        """
        kept = {name: self._held(value) for name, value in values.items()}
        held = [value for value in kept.values() if isinstance(value, _Held)]
        for place in self.folder.iterdir():
            if not any(path.is_relative_to(place) for path in held):
                shutil.rmtree(place, ignore_errors=True)
        return kept

    def _held(self, value: Value) -> Value:
        if isinstance(value, Path) and value.is_relative_to(self.folder):
            return _hold(_Held(value), self)
        return value


class _Held(LocalPath):
    """A path that keeps a folder from being removed, and so do the paths made of it by ``/``."""

    scratch: Scratch

    def __truediv__(self, key: str | os.PathLike[str]) -> _Held:
        return _hold(super().__truediv__(key), self.scratch)


def _hold(path: _Held, scratch: Scratch) -> _Held:
    path.scratch = scratch
    return path
