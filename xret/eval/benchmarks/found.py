"""Finding the files of a published set in a folder, by the names that they are published under."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from xret.errors import EvalError, UsageError
from xret.packed import packing

__all__ = ["Data", "Files", "unpacked"]

Data = str | Path | Mapping[str, str | Path | Sequence[str | Path]]
ROLES = ("corpus", "queries", "qrels")
SHOWN = 5
ARCHIVES = (".tar.gz", ".tgz", ".tar", ".zip", ".tar.xz", ".tar.bz2")


class Files:
    """The files that there are.

    Patterns are globs for the end of a path, without ``.gz`` or ``.zst``, which every file may have:
    ``"collection/docs.jsonl"``, ``"topics.miracl-v1.0-sw-*.tsv"``. The first pattern that some file fits is taken.

    Args:
        data: a folder, searched with all that is in it; a single file; or files by role (``corpus``, ``queries``,
            ``qrels``), ``folder`` being where the others are looked for.
    """

    def __init__(self, data: Data) -> None:
        """See the class.

        Raises:
            EvalError: nothing there.
            UsageError: an unknown role.
        """
        roles = dict(data) if isinstance(data, Mapping) else {"folder": data}
        folder = roles.pop("folder", None)
        if unknown := [role for role in roles if role not in ROLES]:
            raise UsageError(f"no role '{unknown[0]}' of a file; there are folder, {', '.join(ROLES)}")
        self._given = {role: [_there(path) for path in _listed(value)] for role, value in roles.items()}
        if folder is None and not self._given:
            raise UsageError("no data given; wanted a folder, or files by role: corpus, queries, qrels")
        self._root = None if folder is None else _there(folder)  # type: ignore[arg-type]
        self._paths = [] if self._root is None else _walk(self._root)
        self._whole = [path.absolute() for path in self._paths]  # the folder's own name may tell a language
        self.label = str(folder) if folder is not None else ", ".join(self._given)

    @property
    def roles(self) -> tuple[str, ...]:
        """Those that files were given for."""
        return tuple(self._given)

    def all(self, role: str, *patterns: str, deep: bool = True) -> list[Path]:
        """The files of a role: those given for it, else those of the first pattern that fits any, by name.

        Args:
            role: of `ROLES`; anything else to look without those given.
            patterns: see the class.
            deep: look below the folder, too.
        """
        if role in self._given:
            return self._given[role]
        for pattern in patterns:
            pairs = zip(self._paths, self._whole, strict=True)
            if found := [path for path, whole in pairs if _fits(whole, pattern) and (deep or self._top(path))]:
                return found
        return []

    def one(self, role: str, *patterns: str, deep: bool = True) -> Path:
        """The one file of a role; of several, the only one that is not in a folder below another's.

        Raises:
            EvalError: there is none (says what was tried and what is there), or several.
        """
        found = self.all(role, *patterns, deep=deep)
        least = min((len(path.parts) for path in found), default=0)
        found = [path for path in found if len(path.parts) == least]
        if len(found) > 1:
            names = ", ".join(map(str, found[:SHOWN]))
            raise EvalError(f"{self.label}: {len(found)} files could be the {role}: {names}; say which with --{role}")
        if not found:
            raise EvalError(self.absent(role, *patterns))
        return found[0]

    def absent(self, role: str, *patterns: str) -> str:
        """The message for a role that has no file."""
        tried = ", ".join(dict.fromkeys(patterns))
        if archive := next((path for path in self._paths if path.name.endswith(ARCHIVES)), None):
            there = f"unpack {archive.name} first"
        else:
            names = ", ".join(sorted({path.name for path in self._paths})[:SHOWN])
            there = f"there are {names or 'no files'}{' …' if len(self._paths) > SHOWN else ''}"
        return f"{self.label}: no {role}; tried {tried} (each also .gz, .zst), in all folders below; {there}"

    def _top(self, path: Path) -> bool:
        return path == self._root or path.parent == self._root

    def named(self, pattern: str) -> list[str]:
        """The sorted distinct texts that stand for ``{}`` in names of files such as ``"queries.afriqa.{}.*.json"``."""
        wanted = re.compile("(.+?)".join(re.escape(part).replace(r"\*", ".*") for part in pattern.split("{}")) + "$")
        return sorted({match[1] for path in self._paths if (match := wanted.match(unpacked(path.name)))})

    def folders(self, pattern: str) -> list[str]:
        """The sorted distinct texts that stand for ``{}`` in names of folders with files in them."""
        wanted = re.compile("(.+?)".join(map(re.escape, pattern.split("{}"))) + "$")
        return sorted({match[1] for path in self._paths if (match := wanted.match(path.parent.name))})


def unpacked(name: str) -> str:
    """A file's name without ``.gz`` or ``.zst``."""
    return name[: -len(Path(name).suffix)] if packing(name) else name


def _fits(path: Path, pattern: str) -> bool:
    parts = PurePosixPath(pattern).parts
    last = (*path.parts[-len(parts) : -1], unpacked(path.name))
    return len(last) == len(parts) and all(map(fnmatchcase, last, parts))


def _walk(root: Path) -> list[Path]:
    if root.is_file():
        return [root]
    found: dict[str, Path] = {}
    for folder, folders, names in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):  # "docs.jsonl" comes before "docs.jsonl.gz": unpacked is taken where both are
            if not name.startswith("."):
                path = Path(folder) / name
                found.setdefault(str(path.with_name(unpacked(name))), path)
    return list(found.values())


def _listed(value: str | Path | Sequence[str | Path]) -> list[str | Path]:
    return [value] if isinstance(value, str | Path) else list(value)


def _there(path: str | Path) -> Path:
    if not Path(path).exists():
        raise EvalError(f"{path}: no such file or folder; check the name")
    return Path(path)
