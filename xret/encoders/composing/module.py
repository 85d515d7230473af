"""What a module is, once read: changes of tensors, adapters to place, tensors of its own, and a head."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.builders.bottlenecks import Bottleneck

__all__ = ["Change", "Head", "Module"]

Change = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""A tensor of the base model, as float32, to what it becomes; raises ModelError where it does not fit."""


@dataclass(frozen=True)
class Head:
    """A head for scores that adapters' library saved: layers from the first token's last hidden state to the score."""

    tensors: tuple[str, ...]  # names of its linear layers, without ".weight"
    activation: str  # between them, by its name in transformers
    pooler: bool  # whether the base model's pooler comes before them


@dataclass(frozen=True)
class Module:
    """One module."""

    folder: Path
    files: tuple[Path, ...]  # all that its effect depends on
    changes: Mapping[str, Change] = field(default_factory=dict)  # by the tensor's name in the model it was trained in
    tensors: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # put in place of the base model's, or added
    bottleneck: Bottleneck | None = None
    adapters: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # its tensors: see `Bottleneck`
    head: Head | None = None
    activation: str | None = None  # of the score, where the module says it
