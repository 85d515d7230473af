"""BERT and the RoBERTas against transformers, and checkpoints that do not fit their config."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
Make = Callable[..., Any]
KINDS = ["bert", "roberta", "xlm-roberta", "camembert"]
LONGEST = 20


def settings(kind: str, **more: Any) -> dict[str, Any]:
    if kind == "bert":
        return {"max_position_embeddings": LONGEST, "pad_token_id": 0, **more}
    return {"max_position_embeddings": LONGEST + 2, "pad_token_id": 1, "type_vocab_size": 1, **more}


@pytest.mark.parametrize("kind", KINDS)
def test_hidden_state(pretrained: Make, batches: Make, graph_of: Make, error: Make, reference: Make, kind: str) -> None:
    folder, model = pretrained(kind, **settings(kind))
    graph = graph_of(folder)
    for ids, mask in batches(LONGEST, pad=model.config.pad_token_id):
        wanted = reference(model, ids, mask)
        assert error(graph, wanted, ids, mask) <= 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_padding_spelled_out_in_a_text(
    pretrained: Make, graph_of: Make, error: Make, reference: Make, kind: str
) -> None:
    folder, model = pretrained(kind, **settings(kind))
    ids, mask = np.full((2, 7), 9), np.ones((2, 7), np.int64)
    ids[0, 2:4] = ids[1, 0] = model.config.pad_token_id
    wanted, graph = reference(model, ids, mask), graph_of(folder)
    assert error(graph, wanted, ids, mask) <= 1e-5


@pytest.mark.parametrize("act", ["gelu_new", "gelu_fast", "gelu_python", "quick_gelu", "relu", "silu"])
def test_activations(pretrained: Make, batches: Make, graph_of: Make, error: Make, reference: Make, act: str) -> None:
    folder, model = pretrained("bert", **settings("bert", hidden_act=act, layer_norm_eps=1e-5))
    ids, mask = batches(LONGEST, pad=0)[3]
    wanted, graph = reference(model, ids, mask), graph_of(folder)
    assert error(graph, wanted, ids, mask) <= 1e-5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("task", ["AutoModelForMaskedLM", "AutoModelForSequenceClassification"])
def test_encoders_inside_models_for_a_task(
    pretrained: Make, batches: Make, graph_of: Make, error: Make, reference: Make, kind: str, task: str
) -> None:
    folder, model = pretrained(kind, task=task, **settings(kind))
    ids, mask = batches(LONGEST, pad=model.config.pad_token_id)[1]
    wanted = reference(model.base_model, ids, mask)
    assert error(graph_of(folder), wanted, ids, mask) <= 1e-5


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_float16_graph_has_fitting_types(pretrained: Make, graph_of: Make, typed: Make, kind: str) -> None:
    typed(graph_of(pretrained(kind, **settings(kind))[0], "fp16"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"intermediate_size": 41}, r"layer.0.intermediate.dense.weight' is \(40, 24\), config.json wants \(41, 24\)"),
        ({"max_position_embeddings": 30}, "position_embeddings.weight' is"),
        ({"hidden_size": 27}, "config.json wants"),
        ({"num_hidden_layers": 4}, "no tensor 'encoder.layer.3"),
        ({"intermediate_size": None}, "'intermediate_size' is None, wanted int"),
        ({"hidden_act": "gelu_10"}, "hidden_act 'gelu_10' is not known"),
        ({"num_attention_heads": 0}, "0 attention heads"),
        ({"pad_token_id": None}, "'pad_token_id' is None"),
    ],
)
def test_config_and_weights_that_do_not_fit(
    pretrained: Make, graph_of: Make, changes: dict[str, Any], message: str
) -> None:
    folder, _ = pretrained("xlm-roberta", **settings("xlm-roberta"))
    with pytest.raises(ModelError, match=message):
        graph_of(folder, **changes)


def test_missing_bias(pretrained: Make, graph_of: Make) -> None:
    from safetensors.numpy import load_file, save_file

    folder: Path = pretrained("bert", **settings("bert"))[0]
    tensors = load_file(folder / "model.safetensors")
    del tensors["encoder.layer.1.attention.self.key.bias"]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ModelError, match=r"no tensor 'encoder\.layer\.1\.attention.self.key.bias'"):
        graph_of(folder)


def test_norms_under_their_old_names(
    pretrained: Make, batches: Make, graph_of: Make, error: Make, reference: Make
) -> None:
    from safetensors.numpy import load_file, save_file

    folder, model = pretrained("bert", task="AutoModelForMaskedLM", **settings("bert"))
    tensors = load_file(folder / "model.safetensors")
    for new, old in (("weight", "gamma"), ("bias", "beta")):
        tensors = {name.replace(f"LayerNorm.{new}", f"LayerNorm.{old}"): array for name, array in tensors.items()}
    save_file(tensors, folder / "model.safetensors")
    ids, mask = batches(LONGEST, pad=0)[1]
    assert error(graph_of(folder), reference(model.base_model, ids, mask), ids, mask) <= 1e-5
