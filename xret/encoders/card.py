"""What is known about a model without loading it: recipe, size, languages, licence, measured quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_args

from xret.corpus.languages import UNKNOWN
from xret.encoders.checkpoints.checkpoint import Checkpoint
from xret.encoders.checkpoints.expert_models import ExpertModels, find_expert_models, open_model
from xret.encoders.load import encoder_hash
from xret.encoders.locate import locate
from xret.encoders.names import NamedPrecision, split_precision
from xret.encoders.recipe import Recipe
from xret.errors import ModelError

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
    experts: tuple[ModelCard, ...] = ()  # of a folder of several: each by its folder's name, with the languages it gets

    def fields(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def read_card(name: str | Path) -> ModelCard:
    """Describe a model, from config.json, languages.json, quality.json and the front matter of README.md.

    Args:
        name: as for `load_encoder`.

    Raises:
        ModelError: not found or not supported, or int8 is asked of a model with nothing to compute in it.
    """
    base, precision = split_precision(name)
    folder = locate(base)
    if models := find_expert_models(folder):
        return _experts_card(name, folder, models, precision)
    checkpoint = open_model(folder)
    return _card(checkpoint.config.get("name") or name, checkpoint, precision)


def _card(name: str | Path, checkpoint: Checkpoint, precision: NamedPrecision | None) -> ModelCard:
    """One model."""
    told, precisions = checkpoint.told, _precisions(checkpoint)
    if precision == "int8" and checkpoint.precision is None and precision not in precisions:
        raise ModelError(f"{name}: has no linear layers to compute in int8 (tables stay as they are); leave it out")
    return ModelCard(
        name=str(name),
        folder=str(checkpoint.folder.absolute()),
        hash=encoder_hash(checkpoint, precision),
        size=_size([checkpoint]),
        licence=told["licence"],
        languages=tuple(told["languages"]),
        more_languages=tuple(told["more_languages"]),
        quality=told["quality"],
        recipe=checkpoint.recipe,
        sources=checkpoint.sources,
        precisions=precisions,
    )


def _experts_card(name: str | Path, folder: Path, models: ExpertModels, precision: NamedPrecision | None) -> ModelCard:
    """Several models told of as the one encoder that they are, and one by one."""
    checkpoints = [models.open(place) for place in range(len(models.names))]
    codes = models.languages.codes
    chosen = models.route(codes).index.tolist()
    experts = tuple(
        replace(
            _card(models.names[place], checkpoint, precision), more_languages=(),
            languages=tuple(code for code, of in zip(codes, chosen, strict=True) if of == place),
        )
        for place, checkpoint in enumerate(checkpoints)
    )  # fmt: skip
    licences = {expert.licence for expert in experts}
    return ModelCard(
        name=str(name), folder=str(folder.absolute()), hash=models.identity(precision), size=_size(checkpoints),
        licence=None if None in licences else ", ".join(sorted(filter(None, licences))),
        languages=tuple(code for code in codes if code != UNKNOWN), more_languages=(), quality={},
        recipe=models.recipe(), sources=checkpoints[0].sources,
        precisions=tuple(name for name in _precisions(checkpoints[0]) if name != "fp16"), experts=experts,
    )  # fmt: skip


def _size(checkpoints: Sequence[Checkpoint]) -> int:
    """Bytes of their files, those that they share once."""
    return sum(path.stat().st_size for path in {path for each in checkpoints for path in each.files().values()})


def _precisions(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Those its graphs can be built in; static models are tables, and gain nothing by others."""
    if checkpoint.precision is not None:
        return (checkpoint.precision, *(("bf16",) if checkpoint.precision == "fp32" else ()))
    if checkpoint.family.table:
        return ("fp32",)
    lacks = {"fp16": not checkpoint.family.half, "int8": not checkpoint.family.linear}
    return tuple(name for name in get_args(NamedPrecision) if not lacks.get(name))
