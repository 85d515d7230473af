"""Artifacts on disk: content hashes, manifests, and (from `xret.atomic`) writing that is complete or not there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xret.atomic import atomic_file, atomic_folder
from xret.errors import InputError

__all__ = [
    "MANIFEST",
    "atomic_file",
    "atomic_folder",
    "canonical",
    "digest",
    "file_hash",
    "read_manifest",
    "write_manifest",
]

MANIFEST = "manifest.json"


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces: equal values give equal strings, so it can be hashed."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)


def digest(*parts: object) -> str:
    """SHA-256 (64 hex characters) of values, each rendered by `canonical`; bytes are hashed as they are."""
    state = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else canonical(part).encode()
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 (64 hex characters) of a file's bytes, read in blocks of 1 MiB."""
    state = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            state.update(block)
    return state.hexdigest()


def write_manifest(folder: Path, fields: Mapping[str, Any]) -> None:
    """Write `manifest.json` into `folder`, atomically, with sorted keys."""
    with atomic_file(Path(folder) / MANIFEST) as temporary:
        temporary.write_text(json.dumps(fields, indent=1, sort_keys=True, ensure_ascii=False, default=str) + "\n")


def read_manifest(folder: Path, *, kind: str) -> dict[str, Any]:
    """The manifest of an artifact folder, checked to be of `kind` (``"vectors"``, ``"index"``, …).

    Raises:
        InputError: no such folder, no manifest in it, broken JSON, or another kind of artifact.
    """
    folder = Path(folder)
    path = folder / MANIFEST
    if not folder.exists():
        raise InputError(f"{folder}: no such folder; wanted {_a(kind)} made by xret")
    if not path.is_file():
        raise InputError(f"{folder}: has no {MANIFEST}, so it is not {_a(kind)} made by xret (or was interrupted)")
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: broken JSON ({error}); make the artifact again") from error
    if not isinstance(fields, dict) or fields.get("kind") != kind:
        found = fields.get("kind") if isinstance(fields, dict) else type(fields).__name__
        raise InputError(f"{folder}: holds '{found}', wanted {_a(kind)}")
    return fields


def _a(kind: str) -> str:
    return f"an {kind} folder" if kind[0] in "aeiou" else f"a {kind} folder"
