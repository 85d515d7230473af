"""Adapters in torch, placed in transformers' own layers as adapters' library describes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.encoders.composing.conftest import Tensors

Placed = list[tuple[Tensors, dict[str, Any]]]  # adapters and their settings, in the order in which they are stacked


def linear(tensors: Tensors, name: str, value: Any) -> Any:
    import torch

    weight, bias = (torch.from_numpy(tensors[f"{name}.{end}"]) for end in ("weight", "bias"))
    return torch.nn.functional.linear(value, weight, bias)


def through(tensors: Tensors, prefix: str, settings: dict[str, Any], value: Any) -> Any:
    import torch
    from transformers.activations import get_activation

    inner = get_activation(settings.get("non_linearity", "relu"))(linear(tensors, f"{prefix}.down", value))
    scale = settings.get("scaling", 1.0)
    scale = torch.from_numpy(tensors[f"{prefix}.scale"]) if isinstance(scale, str) else scale
    return linear(tensors, f"{prefix}.up", inner) * scale


def patch(part: Any, site: str, layer: int, placed: Placed) -> None:
    """Let ``BertSelfOutput`` or ``BertOutput`` go through the adapters."""
    here = [(tensors, settings) for tensors, settings in placed if f"{layer}.{site}.down.weight" in tensors]
    if not here:
        return

    def forward(value: Any, residual: Any) -> Any:
        value = part.dense(value)
        for tensors, settings in here:
            seen, added = value, value
            if settings.get("original_ln_before", True):
                seen = part.LayerNorm(value + residual)
            if settings.get("residual_before_ln", True) == "post_add":
                added = value + residual
            elif not settings.get("residual_before_ln", True):
                added = seen
            value = through(tensors, f"{layer}.{site}", settings, seen) + added
        return part.LayerNorm(value + residual) if here[-1][1].get("original_ln_after", True) else value

    part.forward = forward


def adapted(folder: Path, placed: Placed, coupling: Tensors | None = None) -> Any:
    """The model of a folder (BERT or a relative) with adapters in it."""
    import torch
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder).eval()
    for number, layer in enumerate(model.encoder.layer):
        patch(layer.attention.output, "attention", number, placed)
        patch(layer.output, "output", number, placed)

    def couple(_: Any, __: Any, value: Any) -> Any:
        assert coupling is not None
        left, right = value.chunk(2, dim=-1)
        activation = torch.nn.functional.relu
        left = left + linear(coupling, "embeddings.F.2", activation(linear(coupling, "embeddings.F.0", right)))
        right = right + linear(coupling, "embeddings.G.2", activation(linear(coupling, "embeddings.G.0", left)))
        return torch.cat([left, right], dim=-1)

    if coupling is not None:
        model.embeddings.register_forward_hook(couple)
    return model


def scores(folder: Path, model: Any, head: Any, queries: list[str], documents: list[str]) -> Any:
    """`head` of the model's output for each pair, one at a time."""
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = []
    for query, document in zip(queries, documents, strict=True):
        coded = tokenizer([query], [document], truncation="longest_first", max_length=32, return_tensors="pt")
        with torch.no_grad():
            found.append(float(head(model(**coded)).reshape(())))
    return np.array(found)
