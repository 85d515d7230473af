"""Folders that hold several encoders of one vector space, a text's language choosing among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from xret.artifact import digest
from xret.encoders.checkpoints.checkpoint import Checkpoint, open_checkpoint
from xret.encoders.checkpoints.expert_folder import find_experts
from xret.encoders.checkpoints.stated import STATED_FILE, read_stated
from xret.encoders.laser.checkpoint import LaserCheckpoint
from xret.encoders.laser.layout import LaserFolder, find_laser
from xret.encoders.names import NamedPrecision
from xret.encoders.reading.languages import Languages, Routed, route
from xret.encoders.recipe import Recipe
from xret.errors import ModelError

__all__ = ["ExpertModels", "find_expert_models", "open_model"]


@dataclass(frozen=True)
class ExpertModels:
    """The models of a folder."""

    languages: Languages  # what they are for
    names: tuple[str, ...]  # of the models, each once
    open: Callable[[int], Checkpoint]  # a model by its place in `names`
    route: Callable[[Sequence[str | None]], Routed]  # tags to places in `names`

    def recipe(self) -> Recipe:
        """What they have in common: the first one's recipe, without what belongs to it alone."""
        first = self.open(0).recipe
        return Recipe(
            family=first.family, pooling=first.pooling, heads=(), token_dim=first.token_dim, dim=first.dim,
            max_length=first.max_length, languages=self.languages, token_head=first.token_head,
        )  # fmt: skip

    def identity(self, precision: NamedPrecision | None) -> str:
        """A hash over all models, and over which language goes where."""
        models = [self.open(place) for place in range(len(self.names))]
        hashes = [model.identity(precision or model.precision or "fp32") for model in models]
        return digest("experts", self.languages.codes, self.languages.default, self.names, hashes)


def find_expert_models(folder: Path) -> ExpertModels | None:
    """The experts of a folder (``experts.json``, or LASER's files), or None where it holds one model.

    Raises:
        ModelError: the folder names what it does not have, or states what only one model can be told.
    """
    if (laser := find_laser(folder)) and len(laser.models) > 1:
        _refuse_stated(folder, "is a folder of LASER models, which say all of themselves; remove it")
        return _laser(laser)
    if (found := find_experts(folder)) is None:
        return None
    _refuse_stated(folder, "holds several encoders; put it into the folder of the one that it is said of")
    distinct = tuple(dict.fromkeys(found.folders))
    model = {place: distinct.index(path) for place, path in enumerate(found.folders)}

    def to_model(tags: Sequence[str | None]) -> Routed:
        routed = route(tags, found.languages)
        routed.index[:] = [model[int(place)] for place in routed.index]
        return routed

    names = tuple(path.relative_to(folder).as_posix() for path in distinct)
    return ExpertModels(found.languages, names, lambda place: open_checkpoint(distinct[place]), to_model)


def _refuse_stated(folder: Path, why: str) -> None:
    """Refuse an xret.json that would change nothing."""
    if read_stated(folder).fields():
        raise ModelError(f"{folder / STATED_FILE}: the folder {why}")


def _laser(laser: LaserFolder) -> ExpertModels:
    names = tuple(model.weights.name for model in laser.models)
    return ExpertModels(laser.languages, names, lambda place: LaserCheckpoint(laser.models[place]), laser.route)


def open_model(folder: Path) -> Checkpoint:
    """The one model of a folder: LASER's, or any other (see `open_checkpoint`).

    Raises:
        ModelError: not a model folder, or one with several.
    """
    if laser := find_laser(folder):
        if len(laser.models) > 1:
            raise ModelError(f"{folder}: holds {len(laser.models)} LASER models; a command for one cannot choose")
        _refuse_stated(folder, "is a LASER model, which says all of itself; remove it")
        return LaserCheckpoint(laser.models[0])
    if find_experts(folder):
        raise ModelError(f"{folder}: holds several encoders; name the folder of one")
    return open_checkpoint(folder)
