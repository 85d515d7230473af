"""Which tensors have rows for tokens, and that all are written as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xret.encoders.checkpoints.weights import Weights
from xret.encoders.trimming.tables import token_axes, write_tensors


def test_every_type_and_shape(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    size, hidden = 13, 4
    tables = {
        "embedding.weight": torch.randint(-127, 128, (size, hidden), dtype=torch.int8),
        "embedding.scale": torch.rand(size), "embedding.log_weight": torch.rand(size).to(torch.float64),
        "a.word_embeddings.weight": torch.rand(size, hidden).to(torch.bfloat16),
        "a.word_embeddings.parametrizations.weight.0.lora_A": torch.rand(3, size, 2),
        "base_model.model.embed_tokens.lora_embedding_A": torch.rand(2, size).to(torch.float16),
        "lm_head.bias": torch.rand(size), "final_logits_bias": torch.rand(1, size),
        "something.new": torch.rand(size, 3),
    }  # fmt: skip
    others = {
        "a.position_embeddings.weight": torch.rand(24, hidden), "step": torch.tensor(3), "none": torch.zeros(0, 3),
        "a.word_embeddings.parametrizations.weight.0.lora_B": torch.rand(3, 2, hidden),
        "count": torch.arange(5),
    }  # fmt: skip
    save_file({**tables, **others}, tmp_path / "old.safetensors")
    weights, order = Weights([tmp_path / "old.safetensors"]), np.array([5, 0, 11])
    axes = token_axes(weights, {"vocab_size": size, "hidden_size": hidden, "max_position_embeddings": 24})
    assert axes.keys() == tables.keys()
    write_tensors(tmp_path / "new.safetensors", weights, axes, order)
    found: dict[str, Any] = load_file(tmp_path / "new.safetensors")
    assert found.keys() == {**tables, **others}.keys()
    for name, tensor in others.items():
        assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor)
    for name, tensor in tables.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor.index_select(axes[name], torch.tensor(order)))


@pytest.mark.parametrize("hidden", [10, 20])  # as many as there are tokens, or half as many
def test_rows_that_other_settings_explain_are_no_tokens(hidden: int, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    rows = {"layer.dense.weight": (20, hidden), "word_embeddings.weight": (20, hidden)}
    save_file({name: np.zeros(shape, np.float32) for name, shape in rows.items()}, tmp_path / "m.safetensors")
    axes = token_axes(Weights([tmp_path / "m.safetensors"]), {"vocab_size": 20, "hidden_size": hidden})
    assert axes == {"word_embeddings.weight": 0}
