"""Qwen3 as an embedding model against transformers: causal attention, normed heads, last-token pooling."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xret.encoders import load_encoder
from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
Make = Callable[..., Any]
SIZES = {"head_dim": 12, "num_key_value_heads": 2}


@pytest.mark.parametrize(
    "settings",
    [
        SIZES,
        {**SIZES, "num_key_value_heads": 4, "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0}},
        {**SIZES, "num_key_value_heads": 1, "attention_bias": True},
    ],
    ids=str,
)
def test_hidden_states(random_model: Make, error_of: Make, settings: dict[str, Any]) -> None:
    folder, oracle, _ = random_model("qwen3", **settings)
    assert error_of(folder, oracle) <= 1e-5
    assert error_of(folder, oracle, batches=[[9, 40, 1]], openvino=True) <= 1e-5
    assert error_of(folder, oracle, batches=[[9, 40, 1]], precision="fp16") <= 0.05


def test_causal_model(random_model: Make, error_of: Make, write: Make) -> None:
    import torch

    _, oracle, model = random_model("qwen3", **SIZES)
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    config = {"model_type": "qwen3", "rope_theta": 10_000, "rope_scaling": None, "rms_norm_eps": 1e-6, **SIZES}
    folder = write("old", config, {**tensors, "lm_head.weight": torch.zeros(50, 32)})
    assert error_of(folder, oracle) <= 1e-5


def test_from_text_to_vector(tiny: Make, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer, models

    first = models.Transformer(str(tiny("qwen3", head_dim=12, num_key_value_heads=1)))
    model = SentenceTransformer(modules=[first, models.Pooling(24, pooling_mode="lasttoken")], device="cpu")
    model.save(str(tmp_path / "m"))
    texts = ["the old bird sees a river", "", "stone", "a blue house and a green house or the new river " * 4]
    theirs = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    assert np.abs(load_encoder(tmp_path / "m", device="cpu", threads=1).encode(texts) - theirs).max() <= 1e-5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"auto_map": {"AutoModel": "modeling.BidirectionalModel"}}, "auto_map to 'modeling.BidirectionalModel'"),
        ({"use_sliding_window": True}, "use_sliding_window"),
        ({"head_dim": None}, r"q_proj\.weight' is \(48, 32\)"),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 4}, "rope_parameters": None}, "RoPE scaling 'yarn'"),
        ({"num_hidden_layers": 2}, r"holds 'layers\.2\."),
    ],
    ids=str,
)
def test_refuses(random_model: Make, graph_of: Make, changes: dict[str, Any], message: str) -> None:
    folder, _, _ = random_model("qwen3", **SIZES)
    with pytest.raises(ModelError, match=message):
        graph_of(folder, **changes)
