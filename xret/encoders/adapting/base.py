"""Which models can be adapted."""

from __future__ import annotations

from pathlib import Path

from xret.encoders.checkpoints.checkpoint import Checkpoint
from xret.encoders.checkpoints.expert_models import find_expert_models, open_model
from xret.encoders.checkpoints.ready import Ready
from xret.encoders.laser.layout import find_laser
from xret.encoders.locate import locate
from xret.encoders.names import split_precision
from xret.errors import ModelError

__all__ = ["open_base"]


def open_base(name: str | Path) -> Checkpoint:
    """The checkpoint of a model that can be adapted.

    Raises:
        ModelError: it cannot; says why.
    """
    plain, precision = split_precision(name)
    if precision:
        raise ModelError(f"{name}: the map serves every precision; adapt {plain}, and put ':{precision}' behind that")
    folder = locate(plain)
    if find_laser(folder):
        raise ModelError(f"{name}: is a LASER model, whose layout has no room for a map; adapting it is not supported")
    if find_expert_models(folder):
        raise ModelError(f"{name}: holds several encoders; adapt the folder of one")
    base = open_model(folder)
    if isinstance(base, Ready):
        raise ModelError(f"{name}: is a ready folder, whose graph is finished; adapt the model it was made from")
    if base.recipe.scores or not base.recipe.dim:
        raise ModelError(f"{name}: gives no sentence vectors, and maps are of these")
    if base.recipe.post_map:
        raise ModelError(f"{name}: is adapted already ({base.recipe.post_map}); adapt the model it was made from")
    return base
