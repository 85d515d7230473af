"""DistilBERT against transformers: learned and sinusoidal positions, alone and inside models for a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
Make = Callable[..., Any]
LONGEST = 20
SHAPE = {"max_position_embeddings": LONGEST, "pad_token_id": 0, "hidden_dim": 40, "intermediate_size": None}


@pytest.mark.parametrize("act", ["gelu", "relu"])
@pytest.mark.parametrize("sinusoidal", [False, True])
def test_hidden_state(
    pretrained: Make, batches: Make, graph_of: Make, error: Make, reference: Make, sinusoidal: bool, act: str
) -> None:
    folder, model = pretrained("distilbert", **SHAPE, sinusoidal_pos_embds=sinusoidal, activation=act)
    graph = graph_of(folder)
    for ids, mask in batches(LONGEST, pad=0):
        assert error(graph, reference(model, ids, mask), ids, mask) <= 1e-5


@pytest.mark.parametrize("task", ["AutoModelForMaskedLM", "AutoModelForSequenceClassification"])
def test_encoder_inside_a_model_for_a_task(
    pretrained: Make, batches: Make, graph_of: Make, error: Make, reference: Make, task: str
) -> None:
    folder, model = pretrained("distilbert", task=task, **SHAPE)
    ids, mask = batches(LONGEST, pad=0)[1]
    assert error(graph_of(folder), reference(model.base_model, ids, mask), ids, mask) <= 1e-5


def test_sinusoids_that_were_not_saved(
    pretrained: Make, batches: Make, graph_of: Make, error: Make, reference: Make
) -> None:
    import torch
    from safetensors.numpy import load_file, save_file
    from transformers.models.distilbert.modeling_distilbert import create_sinusoidal_embeddings

    folder, model = pretrained("distilbert", **SHAPE, sinusoidal_pos_embds=True)
    table = model.embeddings.position_embeddings.weight
    with torch.no_grad():
        create_sinusoidal_embeddings(LONGEST, 24, table)
    tensors = load_file(folder / "model.safetensors")
    del tensors["embeddings.position_embeddings.weight"]
    save_file(tensors, folder / "model.safetensors")
    ids, mask = batches(LONGEST, pad=0)[3]
    assert error(graph_of(folder), reference(model, ids, mask), ids, mask) <= 1e-5
    with pytest.raises(ModelError, match=r"no tensor 'embeddings\.position_embeddings\.weight'"):
        graph_of(folder, sinusoidal_pos_embds=False)


def test_float16_graph_has_fitting_types(pretrained: Make, graph_of: Make, typed: Make) -> None:
    typed(graph_of(pretrained("distilbert", **SHAPE)[0], "fp16"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation": "mish"}, "'mish' is not known"),
        ({"hidden_dim": 41}, "config.json wants"),
        ({"n_layers": 2}, "layer.2.*does not have"),
        ({"n_heads": 7}, "not a multiple"),
        ({"dim": None}, "'dim' is None, wanted int"),
        ({"auto_map": {"AutoModel": "own--code.OwnModel"}}, r"auto_map to 'own--code\.OwnModel'"),
    ],
)
def test_config_and_weights_that_do_not_fit(
    pretrained: Make, graph_of: Make, changes: dict[str, Any], message: str
) -> None:
    folder, _ = pretrained("distilbert", **SHAPE)
    with pytest.raises(ModelError, match=message):
        graph_of(folder, **changes)
