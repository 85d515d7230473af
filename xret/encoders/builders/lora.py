"""Low-rank adaptations (Hu et al. 2021) merged into a checkpoint's matrices while its graph is built.

Two ways of storing them: Jina's, all tasks stacked beside the matrix they change, and PEFT's, a file per task whose
tensors are called ``base_model.model.`` and the module's name.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.builders.family import must
from xret.encoders.checkpoints.weights import Weights
from xret.errors import ModelError

__all__ = ["PEFT", "adapters", "check_adapter", "chosen", "peft_change", "stacked"]

PEFT = "base_model.model."
_PLAIN: dict[str, tuple[Any, ...]] = {  # fields of adapter_config.json that may change the sum, and when they do not
    "peft_type": ("LORA",), "bias": ("none",), "use_dora": (False,), "fan_in_fan_out": (False,), "lora_bias": (False,),
    "rank_pattern": ({},), "alpha_pattern": ({},), "modules_to_save": ([],), "layer_replication": ([],),
}  # fmt: skip


def adapters(config: dict[str, Any]) -> list[str]:
    """The tasks of config.json in the order in which their adapters are stacked (ModelError if it is no list)."""
    named = config.get("lora_adaptations") or []
    if not isinstance(named, list) or not all(isinstance(task, str) for task in named):
        raise ModelError(f"config.json: 'lora_adaptations' is {named!r}, wanted a list of tasks")
    return named


def chosen(config: dict[str, Any]) -> int | None:
    """Which of the stacked adapters config["task"] asks for; None for the base model (ModelError if it has none)."""
    task, known = config.get("task"), adapters(config)
    if task is None or "adapter" in config:
        return None
    if task not in known:
        raise ModelError(f"task '{task}' has no LoRA in this checkpoint; it has: {', '.join(known) or 'none'}")
    return known.index(task)


def check_adapter(settings: Any) -> None:
    """Refuse an adapter_config.json that says more than B @ A * scale.

    Raises:
        ModelError: names the field.
    """
    if not isinstance(settings, dict):
        raise ModelError(f"adapter_config.json: holds {settings!r}, wanted an object")
    for key, plain in _PLAIN.items():
        if (found := settings.get(key)) is not None and found not in plain:
            raise ModelError(f"adapter_config.json: '{key}' is {found!r}; only plain LoRA is supported")


def stacked(weights: Weights, config: dict[str, Any], name: str, rows: int, columns: int) -> NDArray[np.float32]:
    """The matrix `name` (rows, columns) of Jina's code with the chosen adapter added.

    An embedding table gets A @ B, a linear layer B @ A, times ``lora_alpha`` / ``lora_rank``.

    Raises:
        ModelError: a tensor is missing or of another shape.
    """
    stem = f"{name}.parametrizations.weight."
    if f"{stem}original" not in weights:
        return weights.get(f"{name}.weight", rows, columns)
    matrix, task = weights.get(f"{stem}original", rows, columns), chosen(config)
    count, rank, table = len(adapters(config)), must(config, "lora_rank", int), "embeddings." in name
    tall, flat = (count, rows, rank), (count, rank, columns)
    pair = [weights.raw(f"{stem}0.lora_{letter}") for letter in ("AB" if table else "BA")]
    for array, shape in zip(pair, (tall, flat), strict=True):
        if array.shape != shape:
            raise ModelError(f"{weights.source}: LoRA of '{name}' is {array.shape}, config.json wants {shape}")
    if task is None:
        return matrix
    left, right = (np.asarray(array[task], np.float32) for array in pair)
    return _sum(matrix, left, right, float(config.get("lora_alpha", 1)) / rank)


def peft_change(
    weights: Weights, config: dict[str, Any], module: str, matrix: NDArray[np.float32]
) -> NDArray[np.float32]:
    """`matrix` (rows, columns), torch's ``weight`` of `module`, with PEFT's adapter added if it has one for it.

    Args:
        weights: the checkpoint's tensors together with the adapter's.
        config: holds the content of adapter_config.json as ``adapter``.
        module: its name in transformers.
        matrix: as the checkpoint has it.

    Raises:
        ModelError: a tensor is missing or of another shape.
    """
    stem, (rows, columns) = f"{PEFT}{module}.lora_", matrix.shape
    if "adapter" not in config or not {f"{stem}A.weight", f"{stem}embedding_A"} & set(weights.names()):
        return matrix
    settings = config["adapter"]
    rank = must(settings, "r", int)
    if f"{stem}A.weight" in weights:
        left, right = weights.get(f"{stem}B.weight", rows, rank), weights.get(f"{stem}A.weight", rank, columns)
    else:  # tables are stored lying down
        left = weights.get(f"{stem}embedding_A", rank, rows).T
        right = weights.get(f"{stem}embedding_B", columns, rank).T
    return _sum(matrix, left, right, float(settings.get("lora_alpha", 8)) / _divisor(settings, rank))


def _divisor(settings: dict[str, Any], rank: int) -> float:
    return math.sqrt(rank) if settings.get("use_rslora") else rank


def _sum(
    matrix: NDArray[np.float32], left: NDArray[np.float32], right: NDArray[np.float32], scale: float
) -> NDArray[np.float32]:
    return np.asarray(matrix + (left @ right) * np.float32(scale), np.float32)
