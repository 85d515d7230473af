"""Manifests of units: what tells, after a kill, that a unit need not be done again."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xret.artifact import atomic_file, canonical, file_hash

__all__ = ["kept", "seal"]


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
