"""Maps fitted to a model's finished vectors and kept beside it: ``map.json`` and ``map.safetensors``.

``map.json`` says what they are and how they were made (see `xret.encoders.adapting`); the tensors are

    weight  float32 (1 or rows, in_features, out_features)
    offset  float32 (rows, out_features)

A text's vector x becomes unit(x @ weight + offset), of the row that `PostMap.rows` gives its language; one of either
serves all.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from xret.encoders.checkpoints.modules import read_json
from xret.encoders.checkpoints.plain import from_plain
from xret.encoders.reading.languages import Languages
from xret.encoders.recipe import PostMap, Recipe
from xret.errors import ModelError

__all__ = ["MAP_FILE", "MAP_FORMAT", "MAP_TENSORS", "map_fields", "with_map"]

MAP_FILE, MAP_TENSORS = "map.json", "map.safetensors"
MAP_FORMAT = 1  # raised when older versions of xret would read it wrong


def map_fields(post_map: PostMap, languages: Languages | None) -> dict[str, Any]:
    """What `with_map` reads, as the beginning of ``map.json``."""
    told = None if languages is None else {"codes": list(languages.codes), "default": languages.default}
    return {"format": MAP_FORMAT, "map": vars(post_map), "languages": told}


def with_map(folder: Path, recipe: Recipe) -> Recipe:
    """A recipe with the map that lies in the folder, if one does.

    Raises:
        ModelError: it is malformed, of a newer format, or was fitted to another model, or its tensors lie there alone.
    """
    if not (folder / MAP_FILE).is_file():
        if (folder / MAP_TENSORS).exists():
            raise ModelError(f"{MAP_FILE}: is missing, but {MAP_TENSORS} is there; copy the whole folder")
        return recipe
    fields = read_json(folder / MAP_FILE)
    if not isinstance(fields, dict) or not isinstance(found := fields.get("format"), int) or found > MAP_FORMAT:
        raise ModelError(
            f"{MAP_FILE}: is no map of format {MAP_FORMAT}; adapt the model again, or install a newer xret"
        )
    try:
        post_map = from_plain(PostMap, fields["map"])
        languages = _languages(fields["languages"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{MAP_FILE}: is malformed ({error}); adapt the model again") from error
    _check(post_map, languages, recipe)
    if languages is None or recipe.languages is not None:
        return replace(recipe, dim=post_map.out_features, post_map=post_map)
    return replace(recipe, dim=post_map.out_features, post_map=post_map, languages=languages)


def _languages(told: Any) -> Languages | None:
    return None if told is None else Languages(tuple(told["codes"]), str(told["default"]), "map")


def _check(post_map: PostMap, languages: Languages | None, recipe: Recipe) -> None:
    """Refuse a map of another model, and tables that do not fit their languages (ModelError)."""
    if post_map.in_features != recipe.dim:
        raise ModelError(
            f"{MAP_FILE}: maps vectors of {post_map.in_features} values, the model gives {recipe.dim}; "
            "adapt it again with the settings it has now"
        )
    codes = languages.codes if languages else ()
    if min(post_map.rows, default=0) < 0 or post_map.out_features < 1:
        raise ModelError(f"{MAP_FILE}: has a row below 0, or gives no values; adapt the model again")
    if len(post_map.rows) != len(codes):
        raise ModelError(f"{MAP_FILE}: has {len(post_map.rows)} rows for {len(codes)} languages; adapt the model again")
    if codes and recipe.languages is not None and recipe.languages.codes != codes:
        raise ModelError(f"{MAP_FILE}: was fitted to other languages than the model has now; adapt it again")
