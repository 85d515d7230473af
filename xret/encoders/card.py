"""What is known about a model without loading it: recipe, size, languages, licence, measured quality."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from xret.encoders.checkpoints.checkpoint import Checkpoint
from xret.encoders.checkpoints.expert_models import ExpertModels, find_expert_models, open_model
from xret.encoders.load import encoder_hash
from xret.encoders.locate import locate
from xret.encoders.names import NamedPrecision, split_precision
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
    sources: dict[str, str]  # part of the recipe -> the file, preset or person that says so
    precisions: tuple[str, ...]  # it can be used in

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
    base, precision = split_precision(name)
    folder = locate(base)
    if models := find_expert_models(folder):
        return _experts_card(name, folder, models, precision)
    checkpoint = open_model(folder)
    told = checkpoint.told
    return ModelCard(
        name=str(checkpoint.config.get("name") or name),
        folder=str(checkpoint.folder.absolute()),
        hash=encoder_hash(checkpoint, precision),
        size=sum(path.stat().st_size for path in checkpoint.files().values()),
        licence=told["licence"],
        languages=tuple(told["languages"]),
        more_languages=tuple(told["more_languages"]),
        quality=told["quality"],
        recipe=checkpoint.recipe,
        sources=checkpoint.sources,
        precisions=_precisions(checkpoint),
    )


def _experts_card(name: str | Path, folder: Path, models: ExpertModels, precision: NamedPrecision | None) -> ModelCard:
    """Several models told of as the one encoder that they are."""
    checkpoints = [models.open(place) for place in range(len(models.names))]
    files = {path for checkpoint in checkpoints for path in checkpoint.files().values()}
    return ModelCard(
        name=str(name), folder=str(folder.absolute()), hash=models.identity(precision),
        size=sum(path.stat().st_size for path in files), licence=None, languages=models.languages.codes,
        more_languages=(), quality={}, recipe=models.recipe(), sources=checkpoints[0].sources,
        precisions=tuple(name for name in _precisions(checkpoints[0]) if name != "fp16"),
    )  # fmt: skip


def _precisions(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Those its graphs can be built in; static models are tables, and gain nothing by others."""
    if checkpoint.precision is not None:
        return (checkpoint.precision, *(("bf16",) if checkpoint.precision == "fp32" else ()))
    if not checkpoint.family.linear and checkpoint.family.token_weights:  # a table: there is nothing to compute in
        return ("fp32",)
    lacks = {"fp16": not checkpoint.family.half, "int8": not checkpoint.family.linear}
    return tuple(name for name in get_args(NamedPrecision) if not lacks.get(name))
