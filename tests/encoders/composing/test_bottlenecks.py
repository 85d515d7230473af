"""Bottleneck adapters: language under ranking, in every placement, against torch; both layouts give the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.encoders.composing.conftest import (
    Base,
    Tensors,
    adapter_tensors,
    coupling_tensors,
    hub_name,
    numbers,
    plain,
    write,
)
from tests.encoders.composing.oracle import adapted, linear, scores
from tests.encoders.crossencoders.test_crossencoder import DOCUMENTS, QUERIES
from xret.encoders import load_encoder, load_reranker
from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
PFEIFFER: dict[str, Any] = {
    "mh_adapter": False, "output_adapter": True, "original_ln_before": True, "original_ln_after": True,
    "residual_before_ln": True, "non_linearity": "relu", "reduction_factor": 5, "ln_before": False, "ln_after": False,
    "is_parallel": False, "scaling": 1.0, "use_gating": False, "inv_adapter": None, "phm_layer": False,
}  # fmt: skip
HOULSBY = {**PFEIFFER, "mh_adapter": True, "original_ln_before": False, "non_linearity": "swish"}
HEAD = {"heads.rank.1.weight": numbers(1, 24, 24), "heads.rank.1.bias": numbers(2, 24),
        "heads.rank.4.weight": numbers(3, 1, 24), "heads.rank.4.bias": numbers(4, 1)}  # fmt: skip
HEAD_CONFIG = {"config": {"head_type": "classification", "num_labels": 1, "layers": 2, "activation_function": "tanh",
                          "use_pooler": False, "bias": True}, "name": "rank"}  # fmt: skip


def hub(folder: Path, name: str, tensors: Tensors, config: dict[str, Any], *, head: bool = False) -> Path:
    named = {hub_name(key, name): value for key, value in tensors.items()}
    write(folder, "adapter.safetensors", named, adapter_config={"config": config, "name": name, "hidden_size": 24})
    if head:
        write(folder, "model_head.safetensors", HEAD, head_config=HEAD_CONFIG)
    return folder


def two_layers(output: Any) -> Any:
    import torch

    return linear(HEAD, "heads.rank.4", torch.tanh(linear(HEAD, "heads.rank.1", output.last_hidden_state[:, 0])))


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_language_under_ranking_as_adapterhub_saves_them(base: Base, tmp_path: Path, kind: str) -> None:
    folder, coupling = base(kind), coupling_tensors(7)
    language, ranking = adapter_tensors(1, ("output",)), adapter_tensors(2, ("attention", "output"), layers=(1,))
    invertible = {**PFEIFFER, "inv_adapter": "nice", "inv_adapter_reduction_factor": 2}
    hub(tmp_path / "sw", "sw", {**language, **coupling}, invertible)
    hub(tmp_path / "rank", "rank", ranking, HOULSBY, head=True)
    reranker = load_reranker(f"{folder}+{tmp_path / 'sw'}+{tmp_path / 'rank'}", device="cpu", threads=1)
    model = adapted(folder, [(language, PFEIFFER), (ranking, HOULSBY)], coupling)
    wanted = scores(folder, model, two_layers, QUERIES, DOCUMENTS)
    found = reranker.score(QUERIES, DOCUMENTS)
    assert np.abs(found - wanted).max() <= 2e-5 and np.ptp(wanted) > 0.1
    alone = load_reranker(f"{folder}+{tmp_path / 'rank'}", device="cpu", threads=1).score(QUERIES, DOCUMENTS)
    assert np.abs(found - alone).max() > 1e-2  # the language module does something


@pytest.mark.parametrize(
    "changes",
    [
        {"residual_before_ln": False},
        {"residual_before_ln": "post_add", "scaling": 0.5},
        {"original_ln_after": False, "non_linearity": "gelu"},
        {"original_ln_before": False, "original_ln_after": False, "residual_before_ln": False},
        {"scaling": "learned"},
        {"scaling": "channel", "non_linearity": "gelu_new"},
    ],
)
def test_placements(base: Base, tmp_path: Path, changes: dict[str, Any]) -> None:
    folder, settings = base("bert"), {**PFEIFFER, **changes}
    tensors = adapter_tensors(3, ("attention", "output"))
    if isinstance(settings["scaling"], str):
        size = 1 if settings["scaling"] == "learned" else 24
        tensors |= {f"{layer}.{site}.scale": numbers(9, size) for layer in (0, 1) for site in ("attention", "output")}
    other = adapter_tensors(4, ("output",))
    hub(tmp_path / "first", "first", tensors, settings)
    plain(tmp_path / "same", tensors, kind="bottleneck", config=settings)
    plain(tmp_path / "second", other, kind="bottleneck", config=PFEIFFER)
    wanted_model = adapted(folder, [(tensors, settings), (other, PFEIFFER)])
    encoder = load_encoder(f"{folder}+{tmp_path / 'first'}+{tmp_path / 'second'}", device="cpu", threads=1)
    texts = ["the old bird", "river stone blue", "a house"]
    found = encoder.encode_tokens(texts)
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    for text, vectors in zip(texts, found, strict=True):
        with torch.no_grad():
            hidden = wanted_model(**tokenizer([text], return_tensors="pt")).last_hidden_state[0, 1 : len(vectors) + 1]
        assert np.abs(vectors - torch.nn.functional.normalize(hidden, dim=-1).numpy()).max() <= 2e-5
    same = load_encoder(f"{folder}+{tmp_path / 'same'}+{tmp_path / 'second'}", device="cpu", threads=1)
    assert all(np.array_equal(a, b) for a, b in zip(found, same.encode_tokens(texts), strict=True))


@pytest.mark.parametrize("kind", ["distilbert", "mpnet"])
def test_families_with_names_of_their_own(base: Base, tmp_path: Path, kind: str) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder, tensors = base(kind), adapter_tensors(5, ("output",))
    plain(tmp_path / "module", tensors, kind="bottleneck")
    model = AutoModel.from_pretrained(folder).eval()

    def hook(layer: int, norm: Any) -> Any:
        def run(_: Any, args: Any, value: Any) -> Any:
            residual = args[0] if kind == "distilbert" else residuals[layer]
            inner = torch.relu(linear(tensors, f"{layer}.output.down", norm(value + residual)))
            return value + linear(tensors, f"{layer}.output.up", inner)

        return run

    residuals: dict[int, Any] = {}
    layers = model.transformer.layer if kind == "distilbert" else model.encoder.layer
    for number, layer in enumerate(layers):
        if kind == "distilbert":
            layer.ffn.register_forward_hook(hook(number, layer.output_layer_norm))
            continue
        layer.output.register_forward_pre_hook(lambda _, args, at=number: residuals.__setitem__(at, args[1]))
        layer.output.dense.register_forward_hook(hook(number, layer.output.LayerNorm))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    found = load_encoder(f"{folder}+{tmp_path / 'module'}", device="cpu", threads=1).encode_tokens(["the old bird"])[0]
    with torch.no_grad():
        hidden = model(**tokenizer(["the old bird"], return_tensors="pt")).last_hidden_state[0, 1:4]
    assert np.abs(found - torch.nn.functional.normalize(hidden, dim=-1).numpy()).max() <= 2e-5


def test_in_other_precisions_and_exported(base: Base, tmp_path: Path) -> None:
    from xret.encoders.checkpoints.export import export_model

    folder = base("bert")
    hub(tmp_path / "rank", "rank", adapter_tensors(2, ("attention", "output")), HOULSBY, head=True)
    name = f"{folder}+{tmp_path / 'rank'}"
    wanted = load_reranker(name, device="cpu", threads=1).score(QUERIES, DOCUMENTS)
    export_model(name, tmp_path / "ready")
    assert np.array_equal(load_reranker(tmp_path / "ready", device="cpu", threads=1).score(QUERIES, DOCUMENTS), wanted)
    whole = load_reranker(f"{name}:int8", device="cpu", threads=1).score(QUERIES, DOCUMENTS)
    assert 0 < np.abs(whole - wanted).max() < 0.5


def test_what_is_refused(base: Base, tmp_path: Path) -> None:
    folder, module = base("bert"), tmp_path / "module"

    def refused(message: str, tensors: Tensors, on: Path = folder, **config: Any) -> None:
        hub(module, "x", tensors, {**PFEIFFER, **config})
        with pytest.raises(ModelError, match=message):
            load_encoder(f"{on}+{module}", device="cpu")

    good = adapter_tensors(1, ("output",))
    refused("'is_parallel' is True; only plain", good, is_parallel=True)
    refused("'inv_adapter' is 'glow'", good, inv_adapter="glow")
    refused("'architecture' is 'lora'", good, architecture="lora")
    refused(r"adapter_config\.json: non_linearity 'tanh' is not known", good, non_linearity="tanh")
    refused(r"adapter_config\.json: 'scaling' is nan, wanted a number from", good, scaling=float("nan"))
    refused("'scaling' is inf, wanted a number from", good, scaling=float("inf"))
    refused("module: tensor 'modules.0.0.output.down.bias' is", {**good, "0.output.down.bias": numbers(1, 99)})
    refused("'residual_before_ln' is 'post_add'", good, residual_before_ln="post_add", original_ln_before=False)
    refused("'original_ln_after' is 'no', wanted true", good, original_ln_after="no")
    refused("has adapters for layer 7, the model has 2 layers", adapter_tensors(1, ("output",), layers=(0, 7)))
    refused(r"is \(5, 8\), wanted 24 columns", {**good, "0.output.down.weight": numbers(1, 5, 8)})
    refused("module: has no tensor 'modules.0.embeddings.F.0.weight'", good, inv_adapter="nice")
    refused("adapters cannot be placed in model_type 'modernbert'", good, on=base("modernbert"))
    hub(tmp_path / "second", "x", {**good, **coupling_tensors(1)}, {**PFEIFFER, "inv_adapter": "nice"})
    hub(module, "x", good, PFEIFFER)
    with pytest.raises(ModelError, match="put it first"):
        load_encoder(f"{folder}+{module}+{tmp_path / 'second'}", device="cpu")
    (module / "adapter.safetensors").unlink()
    with pytest.raises(ModelError, match="modules are read from safetensors only"):
        load_encoder(f"{folder}+{module}", device="cpu")
    hub(module, "x", good, PFEIFFER, head=True)
    (module / "head_config.json").write_text('{"config": {"head_type": "classification", "num_labels": 2}}')
    with pytest.raises(ModelError, match="with 2 labels; wanted a classification of one"):
        load_reranker(f"{folder}+{module}", device="cpu")
