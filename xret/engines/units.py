"""Files of units: manifests that tell, after a kill, what need not be done again, and a probe for a shared disk."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from xret.artifact import atomic_file, canonical, file_hash
from xret.errors import InputError

__all__ = ["Probe", "here", "kept", "seal"]

LATE = 5.0  # seconds after which network disks have shown a new file to everybody


def seal(manifest: Path, recipe: str, result: Mapping[str, Any]) -> None:
    """Say that a unit is complete.

    Args:
        manifest: the file to write; beside the unit's files.
        recipe: hash of all that decides the unit's bytes.
        result: what the unit answered; `files`, names in the manifest's folder, are recorded with their checksums.
    """
    files = {}
    for name in result.get("files", ()):
        path = manifest.parent / name
        with open(path, "rb") as stream:
            os.fsync(stream.fileno())
        files[name] = {"bytes": path.stat().st_size, "sha256": file_hash(path)}
    fields = {"kind": "unit", "recipe": recipe, "files": files, "result": dict(result), "complete": True}
    with atomic_file(manifest) as temporary:
        temporary.write_text(canonical(fields) + "\n", encoding="utf-8")


def kept(manifest: Path, recipe: str) -> dict[str, Any] | None:
    """What a unit answered when it was done; None if it was not, or by another recipe, or its files have changed."""
    try:
        fields = json.loads(manifest.read_text(encoding="utf-8"))
        if fields["recipe"] != recipe or fields["complete"] is not True:
            return None
        for name, seen in fields["files"].items():
            path = manifest.parent / Path(name).name
            if path.stat().st_size != seen["bytes"] or file_hash(path) != seen["sha256"]:
                return None
        return dict(fields["result"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@dataclass(frozen=True)
class Probe:
    """A file that tells whether a folder is the same one on all machines, and not only of the same name.

    Attributes:
        path: of the file.
        text: what it holds.
    """

    path: str
    text: str

    @classmethod
    def in_folder(cls, folder: Path) -> Probe:
        """Made, where an earlier run or one of this moment has left none."""
        path = Path(folder).absolute() / "probe"
        if not path.is_file():
            with atomic_file(path) as temporary:
                temporary.write_text(uuid4().hex, encoding="utf-8")
        return cls(str(path), path.read_text(encoding="utf-8"))

    def find(self) -> None:
        """See whether it is there.

        Raises:
            InputError: it is not, or is another one.
        """
        last = time.monotonic() + LATE
        while not self._seen():
            if time.monotonic() > last:
                raise _absent(Path(self.path).parent)
            time.sleep(LATE / 50)

    def _seen(self) -> bool:
        try:
            return Path(self.path).read_text(encoding="utf-8") == self.text
        except OSError:
            return False


def here(path: str) -> Path:
    """A file or folder that the job named.

    Raises:
        InputError: it is not on this machine.
    """
    if not Path(path).exists():
        raise _absent(Path(path))
    return Path(path)


def _absent(path: Path) -> InputError:
    return InputError(
        f"{path}: is not there on the machine '{os.uname().nodename}'; workers meet in files: put inputs, outputs and "
        "--work on a disk that all machines share, under one name"
    )
