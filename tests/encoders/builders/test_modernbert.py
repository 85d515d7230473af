"""ModernBERT against transformers: windows narrower than the text, two rotary speeds, both spellings of the config."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from xret.encoders.builders import family_of
from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
Make = Callable[..., Any]
WIDE = {"batches": [[1], [7, 3, 1], [300], [128, 290, 65, 66]]}  # the window reaches 64 places to each side


@pytest.mark.parametrize(
    ("settings", "measured"),
    [
        ({"local_attention": 10}, {}),
        ({"max_position_embeddings": 300}, WIDE),
        ({"local_attention": 7, "attention_bias": True, "mlp_bias": True, "norm_bias": True}, {}),
        ({"layer_types": ["sliding_attention"] * 4, "local_attention": 2, "hidden_activation": "silu"}, {}),
        ({"layer_types": ["full_attention"] * 4}, {}),
    ],
    ids=str,
)
def test_hidden_states(random_model: Make, error_of: Make, settings: dict[str, Any], measured: dict[str, Any]) -> None:
    folder, oracle, _ = random_model("modernbert", **settings)
    assert error_of(folder, oracle, **measured) <= 1e-5
    assert error_of(folder, oracle, batches=[[9, 40, 1]], openvino=True) <= 1e-5
    assert error_of(folder, oracle, batches=[[9, 40, 1]], precision="fp16") <= 0.05


def test_old_config_and_masked_language_model(random_model: Make, error_of: Make, write: Make) -> None:
    import torch

    kinds = ["full_attention", "sliding_attention", "full_attention", "sliding_attention"]
    parameters = {
        "full_attention": {"rope_type": "default", "rope_theta": 80_000.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 500.0},
    }
    _, oracle, model = random_model("modernbert", layer_types=kinds, rope_parameters=parameters, local_attention=6)
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {"head.dense.weight": torch.zeros(32, 32), "decoder.bias": torch.zeros(50)}
    config = {
        "model_type": "modernbert", "global_attn_every_n_layers": 2, "global_rope_theta": 80_000.0, "norm_eps": 1e-5,
        "local_rope_theta": 500.0, "local_attention": 6, "norm_bias": False,
    }  # fmt: skip
    assert error_of(write("old", config, tensors), oracle) <= 1e-5
    same = {"rope_parameters": {**parameters, "sliding_attention": parameters["full_attention"]}}
    _, oracle, model = random_model("modernbert", layer_types=kinds, **same, local_attention=6)
    folder = write("null", {**config, "local_rope_theta": None}, dict(model.state_dict()))
    assert error_of(folder, oracle) <= 1e-5


def test_the_window_matters(random_model: Make, error_of: Make) -> None:
    folder, oracle, _ = random_model("modernbert", local_attention=10)
    assert error_of(folder, oracle, local_attention=12) > 1e-3
    assert error_of(folder, oracle, batches=[[6]], local_attention=12) <= 1e-5


def test_positions(random_model: Make) -> None:
    config = {"model_type": "modernbert", "hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 2}
    assert family_of(config).positions({"max_position_embeddings": 8192}) == 8192


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer_types": ["full_attention", "chunked", "full_attention", "full_attention"]}, "layer type 'chunked'"),
        ({"layer_types": ["full_attention"]}, "wanted a list of 4"),
        ({"hidden_activation": "mish"}, "hidden_activation 'mish' is not known"),
        ({"rope_parameters": {"full_attention": {"rope_type": "yarn"}}}, "RoPE scaling 'yarn'"),
        ({"rope_parameters": [1]}, "wanted an object"),
        ({"norm_bias": True}, r"no tensor 'embeddings\.norm\.bias'"),
        ({"num_hidden_layers": 3, "layer_types": None}, r"holds 'layers\.3\."),
        ({"local_attention": None}, "'local_attention' is None"),
    ],
    ids=str,
)
def test_refuses(random_model: Make, graph_of: Make, changes: dict[str, Any], message: str) -> None:
    folder, _, _ = random_model("modernbert")
    with pytest.raises(ModelError, match=message):
        graph_of(folder, **changes)
