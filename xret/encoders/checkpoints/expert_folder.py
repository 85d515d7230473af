"""A folder of encoders, one per language: ``experts.json`` beside their folders.

    {"experts": {"de": "german", "ja": "asian", "zh": "asian"}, "default": "de"}

Codes are BCP 47 or any others that `xret.encoders.reading.languages.route` understands; several may share an encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xret.encoders.checkpoints.modules import read_json
from xret.encoders.reading.languages import Languages
from xret.errors import ModelError

__all__ = ["EXPERTS_FILE", "ExpertFolder", "find_experts"]

EXPERTS_FILE = "experts.json"


@dataclass(frozen=True)
class ExpertFolder:
    """The encoders of a folder, which together are one."""

    languages: Languages
    folders: tuple[Path, ...]  # of the expert of each code, in the order of the codes


def find_experts(folder: Path) -> ExpertFolder | None:
    """The experts that a folder names, or None where it has no ``experts.json``.

    Raises:
        ModelError: the file is malformed, or names a folder that is not there or not inside.
    """
    content = read_json(folder / EXPERTS_FILE)
    if content is None:
        return None
    experts = content.get("experts") if isinstance(content, dict) else None
    if not isinstance(experts, dict) or not experts or not all(isinstance(path, str) for path in experts.values()):
        raise ModelError(f'{EXPERTS_FILE}: wanted {{"experts": {{language: folder, …}}, "default": language}}')
    default = content.get("default") or next(iter(experts))
    return ExpertFolder(
        Languages(tuple(experts), str(default), "checkpoint"), tuple(_inside(folder, path) for path in experts.values())
    )


def _inside(folder: Path, path: str) -> Path:
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise ModelError(f"{EXPERTS_FILE}: '{path}' leads out of the folder")
    if not (folder / path).is_dir():
        raise ModelError(f"{EXPERTS_FILE}: names the folder '{path}', which is not there")
    return folder / path
