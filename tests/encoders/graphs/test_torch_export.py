"""The fallback for families without a builder, against transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.encoders.conftest import word_tokenizer
from xret.encoders import load_encoder
from xret.encoders.checkpoints.export import export_model
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph
from xret.encoders.graphs.torch_export import exported_family
from xret.encoders.runtime.session import Session
from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")


def checkpoint(folder: Path, kind: str, **settings: Any) -> Any:
    """A random model of a family that has no builder."""
    import torch
    from transformers import AutoConfig, AutoModel

    shape: dict[str, Any] = {"vocab_size": 40, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3}
    shape |= {"intermediate_size": 40, "max_position_embeddings": 48, "initializer_range": 0.3}
    torch.manual_seed(5)
    model = AutoModel.from_config(AutoConfig.for_model(kind, **{**shape, **settings})).eval()
    model.save_pretrained(folder)
    return model


@pytest.mark.parametrize(
    ("kind", "settings"),
    [("electra", {}), ("albert", {"embedding_size": 16}), ("deberta-v2", {"relative_attention": True})],
)
def test_exported_encoders(tmp_path: Path, kind: str, settings: dict[str, Any]) -> None:
    import torch

    model = checkpoint(tmp_path, kind, **settings)
    graph = Graph()
    graph.input("input_ids")
    graph.input("attention_mask")
    built = exported_family(tmp_path).build(graph, Weights([]), model.config.to_dict())
    graph.output(built.hidden, "hidden", ["batch", "tokens", 24])
    graph.prune()
    session = Session(graph.serialized(), device="cpu", threads=1)
    ids = np.random.default_rng(1).integers(5, 40, (3, 31))
    mask = (np.arange(31) < np.array([[31], [4], [1]])).astype(np.int64)
    with torch.no_grad():
        wanted = model(torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).last_hidden_state.numpy()
    found = session.run({"input_ids": ids, "attention_mask": mask}, "hidden")
    assert np.abs(found - wanted)[mask == 1].max() <= 1e-5


def test_what_cannot_be_exported_is_said(tmp_path: Path) -> None:
    model = checkpoint(tmp_path, "electra")
    with pytest.raises(ModelError, match="in fp32 only, not in int8"):
        exported_family(tmp_path).build(Graph("int8"), Weights([]), model.config.to_dict())
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(ModelError, match="transformers cannot load it"):
        exported_family(tmp_path).build(Graph(), Weights([]), model.config.to_dict())


def test_a_ready_folder_of_a_family_without_a_builder(tmp_path: Path) -> None:
    import torch

    model = checkpoint(tmp_path / "electra", "electra")
    word_tokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]"], "[CLS] $A [SEP]").save(
        str(tmp_path / "electra/tokenizer.json")
    )
    with pytest.raises(ModelError, match=r"'electra'.*is not supported.*--torch"):
        load_encoder(tmp_path / "electra")
    encoder = load_encoder(export_model(tmp_path / "electra", tmp_path / "ready", torch=True), device="cpu", threads=1)
    with torch.no_grad():
        hidden = model(torch.tensor([[2, 4, 6, 3]])).last_hidden_state[0].mean(0)
    assert np.abs(encoder.encode(["the river"])[0] - (hidden / hidden.norm()).numpy()).max() <= 1e-5
    assert encoder.recipe.family == "electra"
