"""EuroBERT against transformers: grouped heads, biases, heads of their own size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
Make = Callable[..., Any]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"num_key_value_heads": 2, "rope_parameters": {"rope_type": "default", "rope_theta": 250_000.0}},
        {"num_key_value_heads": 1, "attention_bias": True, "mlp_bias": True, "hidden_act": "gelu"},
        {"head_dim": 12, "num_key_value_heads": 2, "rms_norm_eps": 1e-3},
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 10_000.0, "factor": 4.0}},
    ],
    ids=str,
)
def test_hidden_states(random_model: Make, error_of: Make, settings: dict[str, Any]) -> None:
    folder, oracle, _ = random_model("eurobert", **settings)
    assert error_of(folder, oracle) <= 1e-5
    assert error_of(folder, oracle, batches=[[9, 40, 1]], openvino=True) <= 1e-5
    assert error_of(folder, oracle, batches=[[9, 40, 1]], precision="fp16") <= 0.05


def test_old_config_and_masked_language_model(random_model: Make, error_of: Make, write: Make) -> None:
    import torch

    theta = {"rope_type": "default", "rope_theta": 250_000.0}
    _, oracle, model = random_model("eurobert", rope_parameters=theta)
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    config = {
        "model_type": "eurobert", "rope_theta": 250_000, "rope_scaling": None, "num_key_value_heads": 4,
        "auto_map": {"AutoModel": "modeling_eurobert.EuroBertModel"}, "rms_norm_eps": 1e-5, "clf_pooling": "late",
    }  # fmt: skip
    folder = write("old", config, {**tensors, "lm_head.weight": torch.zeros(50, 32)})
    assert error_of(folder, oracle) <= 1e-5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"auto_map": {"AutoModel": "modeling_other.OtherEncoder"}}, "auto_map to 'modeling_other.OtherEncoder'"),
        ({"head_dim": 7}, "heads of 7 features"),
        ({"num_key_value_heads": 3}, "4 attention heads cannot share 3"),
        ({"num_key_value_heads": 2}, r"k_proj\.weight' is \(32, 32\), config\.json wants \(16, 32\)"),
        ({"hidden_act": "xielu"}, "hidden_act 'xielu' is not known"),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8}, "rope_parameters": None}, "RoPE scaling 'llama3'"),
        ({"num_hidden_layers": 2}, r"holds 'layers\.2\."),
        ({"attention_bias": True}, r"no tensor '.*q_proj\.bias'"),
    ],
    ids=str,
)
def test_refuses(random_model: Make, graph_of: Make, changes: dict[str, Any], message: str) -> None:
    folder, _, _ = random_model("eurobert")
    with pytest.raises(ModelError, match=message):
        graph_of(folder, **changes)
