"""xret's own layout of modules: ``module.json`` and ``module.safetensors``.

A sparse difference (composable sparse fine-tuning, Ansell et al. 2022):

    {"kind": "sparse"}
    NAME.indices    int64 (n,): flat places in the tensor NAME of the base model, ascending, C order
    NAME.values     float (n,): what is added there

Bottleneck adapters:

    {"kind": "bottleneck", "config": {…}}           as in adapters' library, see `bottleneck_of`
    LAYER.attention|output.down|up.weight|bias      torch's Linear; ``LAYER.SITE.scale`` where "scaling" is learned
    embeddings.F|G.0|2.weight|bias                  of an invertible adapter ("inv_adapter": "nice")

In both, all other tensors stand in for the base model's of that name, or are added to it: a head for scores, under the
names of transformers' ``…ForSequenceClassification``. ``"activation"`` (``Identity``, ``Sigmoid`` …) is the score's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.checkpoints.weights import Weights
from xret.encoders.composing.module import Change, Module
from xret.encoders.composing.settings import ADAPTER_TENSOR, bottleneck_of
from xret.errors import ModelError

__all__ = ["MODULE_FILE", "plain_module"]

MODULE_FILE, _TENSORS = "module.json", "module.safetensors"
_INDICES, _VALUES = ".indices", ".values"


def plain_module(folder: Path, settings: dict[str, Any]) -> Module:
    """Read one.

    Args:
        folder: where it is.
        settings: the content of module.json.

    Raises:
        ModelError: an unknown kind, missing or odd tensors.
    """
    path = folder / _TENSORS
    if not path.is_file():
        raise ModelError(f"{folder}: has no {_TENSORS}; copy the whole module")
    readers: dict[str, Callable[..., Module]] = {"sparse": _sparse, "bottleneck": _bottleneck}
    if (kind := settings.get("kind")) not in readers:
        raise ModelError(f"{folder / MODULE_FILE}: kind {kind!r:.40} is not known; known: {', '.join(readers)}")
    activation = settings.get("activation")
    if activation is not None and not isinstance(activation, str):
        raise ModelError(f"{folder / MODULE_FILE}: 'activation' is {activation!r:.40}, wanted a name")
    return readers[kind](folder, (folder / MODULE_FILE, path), Weights([path]), settings, activation)


def _sparse(
    folder: Path, files: tuple[Path, ...], weights: Weights, settings: dict[str, Any], activation: str | None
) -> Module:
    changes: dict[str, Change] = {}
    tensors: dict[str, NDArray[Any]] = {}
    for name in weights.names():
        if name.endswith(_INDICES):
            changes[name.removesuffix(_INDICES)] = _difference(weights, name.removesuffix(_INDICES), files[1])
        elif not (name.endswith(_VALUES) and name.removesuffix(_VALUES) + _INDICES in weights):
            tensors[name] = weights.get(name)
    return Module(folder, files, changes=changes, tensors=tensors, activation=activation)


def _difference(weights: Weights, name: str, path: Path) -> Change:
    """The change that adds values at places of a flat tensor."""
    places, values = weights.raw(f"{name}{_INDICES}"), weights.get(f"{name}{_VALUES}")
    if places.ndim != 1 or places.dtype.kind not in "iu" or places.shape != values.shape:
        raise ModelError(f"{path}: '{name}' has indices {places.shape} {places.dtype} for values {values.shape}")
    if len(places) and (int(places[0]) < 0 or (np.diff(places.astype(np.int64)) <= 0).any()):
        raise ModelError(f"{path}: the indices of '{name}' do not ascend from 0")

    def change(tensor: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(places) and int(places[-1]) >= tensor.size:
            raise ModelError(f"{path}: changes value {int(places[-1])} of '{name}', which has {tensor.size}")
        changed = tensor.copy()
        changed.reshape(-1)[places] += values
        return changed

    return change


def _bottleneck(
    folder: Path, files: tuple[Path, ...], weights: Weights, settings: dict[str, Any], activation: str | None
) -> Module:
    adapters = {name: weights.get(name) for name in weights.names() if ADAPTER_TENSOR.fullmatch(name)}
    if not any(name.endswith("down.weight") for name in adapters):
        raise ModelError(f"{files[1]}: holds no adapter, such as '0.output.down.weight'")
    tensors: dict[str, NDArray[Any]] = {name: weights.get(name) for name in weights.names() if name not in adapters}
    return Module(
        folder, files, tensors=tensors, bottleneck=bottleneck_of(settings.get("config", {}), str(files[0])),
        adapters=adapters, activation=activation,
    )  # fmt: skip
