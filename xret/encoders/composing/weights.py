"""A checkpoint's tensors with what modules change in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.checkpoints.weights import Weights
from xret.encoders.composing.module import Change, Module
from xret.errors import ModelError

__all__ = ["ComposedWeights"]

_PRETRAINING = ("cls.", "lm_head.", "vocab_transform.", "vocab_layer_norm.", "vocab_projector.")


class ComposedWeights(Weights):
    """The base model's tensors; modules' changes are made, in their order, whenever a tensor is read."""

    def __init__(self, files: Iterable[Path], modules: Sequence[Module]) -> None:
        """Open the files and put the modules on them.

        Raises:
            ModelError: a file is broken, or a module changes a tensor that is not there.
        """
        super().__init__(files)
        self._changes: dict[str, list[Change]] = {}
        self._of: dict[str, Path] = {}  # tensors that modules brought, and whose they are
        self._places: dict[str, Path] = {}  # where their adapters are, and whose these are
        own = set(self.names())
        places = 0
        for module in modules:
            for name, change in module.changes.items():
                if (found := _counterpart(name, own)) is not None:
                    self._changes.setdefault(found, []).append(change)
                elif not name.startswith(_PRETRAINING):  # what only pre-training needs may be gone
                    raise ModelError(
                        f"{module.folder}: changes tensor '{name}', which {self.source} does not have; it is a module "
                        "for another model"
                    )
            for name, array in module.tensors.items():
                if not name.startswith(_PRETRAINING):
                    self._put(_counterpart(name, own) or name, array, module.folder)
            if module.bottleneck:
                for name, array in module.adapters.items():
                    self._put(f"modules.{places}.{name}", array, module.folder)
                self._places[f"modules.{places}."] = module.folder
                places += 1

    def origin(self, name: str) -> str:
        """As `Weights.origin`: the module's folder, where a module brought the tensor, or should have."""
        found = self._of.get(name) or next((each for at, each in self._places.items() if name.startswith(at)), None)
        return super().origin(name) if found is None else str(found)

    def _put(self, name: str, array: NDArray[Any], folder: Path) -> None:
        self._of[name] = folder
        self._arrays[name] = array
        self._brain.discard(name)
        self._changes.pop(name, None)

    def raw(self, name: str) -> NDArray[Any]:
        """As `Weights.raw`; a tensor that modules change is float32.

        Raises:
            ModelError: no such tensor, or a change that does not fit it.
        """
        array = super().raw(name)
        if name not in self._changes:
            return array
        values = np.asarray(array, np.float32)
        for change in self._changes[name]:
            values = change(values)
        return values


def _counterpart(name: str, own: set[str]) -> str | None:
    """The tensor of the base model that `name` means: the base model may be saved with its family's name or without."""
    if name in own:
        return name
    bare = name.partition(".")[2]
    if bare in own:
        return bare
    longer = [each for each in own if each.partition(".")[2] == name]
    return longer[0] if len(longer) == 1 else None
