"""Modules as adapters' library saves them (AdapterHub): ``adapter_config.json`` and ``adapter.safetensors``; with a
head, ``head_config.json`` and ``model_head.safetensors`` too.

https://docs.adapterhub.ml: `save_adapter(folder, name, use_safetensors=True)`. Names of version 1 of the library and
older ones (``attention_text_task_adapters``, ``layer_text_lang_adapters`` …) are both understood.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from xret.encoders.checkpoints.modules import read_json
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.composing.module import Head, Module
from xret.encoders.composing.settings import bottleneck_of
from xret.errors import ModelError

__all__ = ["hub_module"]

_CONFIG, _TENSORS = "adapter_config.json", "adapter.safetensors"
_HEAD_CONFIG, _HEAD_TENSORS = "head_config.json", "model_head.safetensors"
_PLACED = re.compile(
    r"(?:^|.*\.)layer\.(?P<layer>\d+)\.(?P<part>.*?)(?:\w+_)?adapters\.[^.]+\."
    r"(?P<what>adapter_down\.0|adapter_up|scaling)(?P<end>\.weight|\.bias|)"
)
_COUPLED = re.compile(r"(?:^|.*\.)invertible_(?:lang_)?adapters\.[^.]+\.(?P<half>[FG]\.[02]\.(?:weight|bias))")
_PARTS = {"adapter_down.0": "down", "adapter_up": "up", "scaling": "scale"}


def hub_module(folder: Path, settings: dict[str, Any]) -> Module:
    """Read one.

    Args:
        folder: where it is.
        settings: the content of adapter_config.json.

    Raises:
        ModelError: a kind of adapter that is not supported, tensors missing, of other names or not in safetensors.
    """
    path = folder / _TENSORS
    if not path.is_file():
        raise ModelError(
            f"{folder}: has no {_TENSORS}; modules are read from safetensors only: save it again with "
            "save_adapter(…, use_safetensors=True)"
        )
    bottleneck = bottleneck_of(settings.get("config"), f"{folder / _CONFIG}")
    weights = Weights([path])
    adapters = {_here(name, path): weights.get(name) for name in weights.names()}
    if not any(name.endswith("down.weight") for name in adapters):
        raise ModelError(f"{path}: holds no adapter")
    head, tensors, files = _head(folder)
    return Module(
        folder, (folder / _CONFIG, path, *files), tensors=tensors, bottleneck=bottleneck, adapters=adapters, head=head
    )  # fmt: skip


def _here(name: str, path: Path) -> str:
    """What a tensor of the library is called here (see `ADAPTER_TENSOR`)."""
    if coupled := _COUPLED.fullmatch(name):
        return f"embeddings.{coupled['half']}"
    if not (placed := _PLACED.fullmatch(name)):
        raise ModelError(f"{path}: tensor '{name}' is of no plain bottleneck adapter")
    site = "attention" if placed["part"].startswith("attention") else "output"
    return f"{placed['layer']}.{site}.{_PARTS[placed['what']]}{placed['end']}"


def _head(folder: Path) -> tuple[Head | None, dict[str, NDArray[Any]], tuple[Path, ...]]:
    """The head saved with the adapter, its tensors and files; a head of transformers' own is tensors alone."""
    path, config = folder / _HEAD_TENSORS, folder / _HEAD_CONFIG
    if not path.is_file():
        if (folder / "pytorch_model_head.bin").is_file():
            raise ModelError(f"{folder}: its head is not in safetensors; save it again with use_safetensors=True")
        return None, {}, ()
    weights = Weights([path])
    tensors: dict[str, NDArray[Any]] = {name: weights.get(name) for name in weights.names()}
    if not any(name.startswith("heads.") for name in tensors):
        return None, tensors, (path,)
    settings = read_json(config, missing={})
    settings = settings.get("config", settings) if isinstance(settings, dict) else {}
    if settings.get("head_type") != "classification" or settings.get("num_labels") != 1:
        raise ModelError(
            f"{config}: head_type {settings.get('head_type')!r:.40} with {settings.get('num_labels')!r:.40} labels; "
            "wanted a classification of one label, which is the score"
        )
    layers = sorted((name.removesuffix(".weight") for name in tensors if name.endswith(".weight")), key=_number)
    activation = settings.get("activation_function") or "identity"
    head = Head(tuple(layers), str(activation), bool(settings.get("use_pooler", False)))
    return head, tensors, (config, path)


def _number(name: str) -> int:
    return int(end) if (end := name.rpartition(".")[2]).isdigit() else -1
