"""A model folder with a map in it: the base model's files, ``map.json`` and ``map.safetensors``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.artifact import atomic_file, atomic_folder
from xret.encoders.adapting.fitting import FittedMap
from xret.encoders.checkpoints.checkpoint import Checkpoint, open_checkpoint
from xret.encoders.checkpoints.made_from import add_chapter, copy_file, rename_model, write_json
from xret.encoders.checkpoints.saved_map import MAP_FILE, MAP_TENSORS, map_fields
from xret.encoders.load import load_encoder
from xret.encoders.reading.languages import Languages
from xret.encoders.recipe import PostMap
from xret.errors import ModelError, require

__all__ = ["Sample", "save_adapted"]

_SETTINGS = (".json", ".txt", ".md", ".model", ".toml", "")
_LARGEST = 64_000_000  # bytes of a file that is no weights but may belong to the tokeniser
_NOT_THERE = ("quality.json",)  # measured on the base model
_OTHER_RUNTIMES = ("onnx", "openvino")
_CLOSE = 2e-3  # what a value of a saved model's vector may differ from the map's in memory

Sample = tuple[list[str], list[str], NDArray[np.float32]]


def save_adapted(
    base: Checkpoint, fitted: FittedMap, post_map: PostMap, languages: Languages | None, *, out: Path,
    told: dict[str, Any], quality: dict[str, Any], sample: Sample,
) -> str:  # fmt: skip
    """Write the folder; its vectors are checked before it has its name.

    Args:
        base: the model that was adapted.
        fitted: the tables.
        post_map: what they are.
        languages: of the tables, None where one serves all.
        out: the folder to make.
        told: what else ``map.json`` tells.
        quality: what ``quality.json`` tells.
        sample: texts, their languages, and the vectors that the model must give them.

    Returns:
        The hash of the new encoder.

    Raises:
        InputError: `out` exists or cannot be written.
        ModelError: the folder does not give the vectors it should.
    """
    save_file = require("safetensors.numpy", extra="cpu", purpose="writing a model").save_file
    with atomic_folder(out) as folder:
        _copy(base, folder)
        with atomic_file(folder / MAP_TENSORS) as temporary:  # which others may read, too; the library's may not
            save_file({"weight": fitted.weight, "offset": fitted.offset}, temporary)
        write_json(folder / MAP_FILE, {**map_fields(post_map, languages), **told})
        write_json(folder / "quality.json", quality)
        rename_model(folder, out.name)
        add_chapter(folder, "Adapted", _chapter(post_map, told, quality))
        return _checked(base, folder, sample)


def _copy(base: Checkpoint, folder: Path) -> None:
    """The files that the vectors depend on, and those that tell of the model."""
    source, needed = base.folder, set(base.files().values())
    for path in sorted({*source.rglob("*"), *needed}):
        place = path.relative_to(source)
        telling = path.suffix in _SETTINGS and path.name not in _NOT_THERE and place.parts[0] not in _OTHER_RUNTIMES
        hidden = any(part.startswith(".") for part in place.parts)
        if path.is_file() and (path in needed or (telling and not hidden and path.stat().st_size <= _LARGEST)):
            copy_file(path, folder / place)


def _chapter(post_map: PostMap, told: dict[str, Any], quality: dict[str, Any]) -> str:
    lines = "\n".join(f"- {name}: {value}" for name, value in quality.items())
    return f"""
A map was fitted to the sentence vectors of `{told["base"]["name"]}` (hash {told["base"]["hash"][:12]}): {post_map}.
{MAP_FILE} and {MAP_TENSORS} hold it; other programs than xret leave it out.

{lines}
"""


def _checked(base: Checkpoint, folder: Path, sample: Sample) -> str:
    """The hash of the folder's encoder, once its recipe and its vectors are those that they should be."""
    found = open_checkpoint(folder).recipe
    plain = replace(found, post_map=None, dim=base.recipe.dim, languages=base.recipe.languages)
    if plain != base.recipe:
        raise ModelError(f"{base.folder}: the copy is read as another model ({plain}, not {base.recipe})")
    texts, langs, wanted = sample
    encoder = load_encoder(folder, device="cpu")
    vectors = encoder.encode(texts, lang=langs)
    if (worst := float(np.abs(vectors - wanted).max(initial=0))) > _CLOSE:
        raise ModelError(f"{base.folder}: the saved map gives other vectors than the fitted one (by {worst:.1e})")
    return encoder.hash
