"""What is known about a model without loading it: recipe, size, languages, licence, measured quality."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xret.encoders.checkpoint import open_checkpoint
from xret.encoders.load import encoder_hash
from xret.encoders.locate import locate
from xret.encoders.modules import read_json
from xret.encoders.recipe import Recipe

__all__ = ["ModelCard", "read_card"]


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """A model folder described."""

    name: str
    folder: str
    hash: str  # the encoder's content hash
    size: int  # bytes of all files that the vectors depend on
    licence: str | None
    languages: tuple[str, ...]  # BCP 47, those it was trained for in earnest
    more_languages: tuple[str, ...]  # seen in training, quality not promised
    quality: dict[str, Any]  # measure -> value, from quality.json
    recipe: Recipe

    def fields(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def read_card(name: str | Path) -> ModelCard:
    """Describe a model, from config.json, languages.json, quality.json and the front matter of README.md.

    Args:
        name: as for `load_encoder`.

    Raises:
        ModelError: not found or not supported.
    """
    checkpoint = open_checkpoint(locate(name))
    folder = checkpoint.folder
    front = _front_matter(folder / "README.md")
    known = read_json(folder / "languages.json", missing={})
    main = known.get("main", []) if isinstance(known, dict) else known
    return ModelCard(
        name=str(checkpoint.config.get("name") or name),
        folder=str(folder.absolute()),
        hash=encoder_hash(checkpoint),
        size=sum(path.stat().st_size for path in checkpoint.files().values()),
        licence=checkpoint.config.get("license") or next(iter(front.get("license", [])), None),
        languages=tuple(main) or tuple(front.get("language", [])),
        more_languages=tuple(known.get("others", [])) if isinstance(known, dict) else (),
        quality=read_json(folder / "quality.json", missing={}),
        recipe=checkpoint.recipe,
    )


def _front_matter(path: Path) -> dict[str, list[str]]:
    """The flat keys of a model card's YAML head: ``key: value``, ``key: [a, b]`` or a list of ``- value`` lines."""
    if not path.is_file():
        return {}
    found = re.match(r"---\n(.*?)\n---", path.read_text(encoding="utf-8", errors="replace"), re.DOTALL)
    fields: dict[str, list[str]] = {}
    key = ""
    for line in found.group(1).splitlines() if found else []:
        if pair := re.match(r"(\w+):\s*(.*)", line):
            key = pair.group(1)
            fields[key] = [part.strip(" '\"") for part in pair.group(2).strip("[]").split(",") if part.strip()]
        elif (item := re.match(r"\s*-\s+([^:]+)$", line)) and key:
            fields[key].append(item.group(1).strip(" '\""))
    return fields
