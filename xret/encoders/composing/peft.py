"""Modules as PEFT saves them: LoRA in ``adapter_config.json`` and ``adapter_model.safetensors``, merged at load."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from xret.encoders.builders.lora import PEFT, check_adapter, peft_change
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.composing.module import Change, Module
from xret.errors import ModelError

__all__ = ["peft_module"]

_CONFIG, _TENSORS = "adapter_config.json", "adapter_model.safetensors"
_LOW_RANK = re.compile(re.escape(PEFT) + r"(?P<module>.+)\.lora_(A\.weight|B\.weight|embedding_A|embedding_B)")


def peft_module(folder: Path, settings: dict[str, Any]) -> Module:
    """Read one; modules that were trained whole (``modules_to_save``, a head for scores) come with it.

    Args:
        folder: where it is.
        settings: the content of adapter_config.json.

    Raises:
        ModelError: more than plain LoRA, or tensors missing or not in safetensors.
    """
    path = folder / _TENSORS
    if not path.is_file():
        raise ModelError(f"{folder}: has no {_TENSORS}; modules are read from safetensors only, which PEFT writes")
    check_adapter({name: value for name, value in settings.items() if name != "modules_to_save"})
    weights = Weights([path])
    changes: dict[str, Change] = {}
    tensors: dict[str, NDArray[Any]] = {}
    for name in weights.names():
        if found := _LOW_RANK.fullmatch(name):
            module = found["module"]
            changes[f"{module}.weight"] = partial(peft_change, weights, {"adapter": settings}, module)
        else:
            tensors[name.removeprefix(PEFT)] = weights.get(name)
    if not changes:
        raise ModelError(f"{path}: holds no LoRA, such as '{PEFT}….lora_A.weight'")
    return Module(folder, (folder / _CONFIG, path), changes=changes, tensors=tensors)
