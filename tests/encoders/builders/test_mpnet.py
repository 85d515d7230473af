"""MPNet against transformers: its buckets of distances, biases for any length, models for a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from xret.encoders.builders.mpnet import buckets
from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
Make = Callable[..., Any]
LONGEST = 300  # beyond the distance from which on all are one


def settings(longest: int = LONGEST, **more: Any) -> dict[str, Any]:
    return {"max_position_embeddings": longest + 2, "pad_token_id": 1, **more}


def test_every_distance_is_in_its_bucket() -> None:
    import torch
    from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

    distances = np.arange(-2000, 2001)
    assert np.array_equal(
        buckets(distances), MPNetEncoder.relative_position_bucket(torch.from_numpy(distances)).numpy()
    )


@pytest.mark.parametrize("longest", [LONGEST, 5])
def test_hidden_state(
    pretrained: Make, batches: Make, graph_of: Make, error: Make, reference: Make, longest: int
) -> None:
    import torch

    folder, model = pretrained("mpnet", **settings(longest))
    with torch.no_grad():
        model.encoder.relative_attention_bias.weight.mul_(5)
    model.save_pretrained(folder)
    graph = graph_of(folder)
    for ids, mask in batches(longest, pad=1)[:4]:
        assert error(graph, reference(model, ids, mask), ids, mask) <= 1e-5


@pytest.mark.parametrize("task", ["AutoModelForMaskedLM", "AutoModelForSequenceClassification"])
def test_encoder_inside_a_model_for_a_task(
    pretrained: Make, batches: Make, graph_of: Make, error: Make, reference: Make, task: str
) -> None:
    folder, model = pretrained("mpnet", task=task, **settings())
    ids, mask = batches(LONGEST, pad=1)[1]
    ids[0, 0] = 1  # a padding token spelled out
    assert error(graph_of(folder), reference(model.base_model, ids, mask), ids, mask) <= 1e-5


def test_float16_graph_has_fitting_types(pretrained: Make, graph_of: Make, typed: Make) -> None:
    typed(graph_of(pretrained("mpnet", **settings())[0], "fp16"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_act": "mish"}, "'mish' is not known"),
        ({"relative_attention_num_buckets": 16}, "'relative_attention_num_buckets' is 16, wanted 32 or more"),
        ({"relative_attention_num_buckets": 40}, r"relative_attention_bias.weight' is \(32, 3\)"),
        ({"num_attention_heads": 4}, r"relative_attention_bias.weight' is \(32, 3\), config.json wants \(32, 4\)"),
        ({"num_hidden_layers": 2}, "layer.2.*does not have"),
        ({"is_decoder": True}, "decoder"),
    ],
)
def test_config_and_weights_that_do_not_fit(
    pretrained: Make, graph_of: Make, changes: dict[str, Any], message: str
) -> None:
    folder, _ = pretrained("mpnet", **settings())
    with pytest.raises(ModelError, match=message):
        graph_of(folder, **changes)
