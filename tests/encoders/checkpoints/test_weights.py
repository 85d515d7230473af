"""Which files of a folder are read, and as what."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from xret.encoders.checkpoints.weights import Weights, weight_files
from xret.errors import ModelError

ONE, TWO = {"a": torch.ones(2)}, {"a": torch.zeros(2)}


def test_safetensors_before_torch(tmp_path: Path) -> None:
    torch.save(ONE, tmp_path / "pytorch_model.bin")
    assert Weights(weight_files(tmp_path)).get("a").tolist() == [1, 1]
    save_file(TWO, tmp_path / "model.safetensors")
    assert Weights(weight_files(tmp_path)).get("a").tolist() == [0, 0]


def test_shards_in_torch_form(tmp_path: Path) -> None:
    parts = {"x-1.bin": {"b": torch.full((3,), 2.0, dtype=torch.bfloat16)}, "x-2.bin": {"c": torch.eye(2)}}
    for name, part in parts.items():
        torch.save(part, tmp_path / name)
    index = {"weight_map": {"b": "x-1.bin", "c": "../../x-2.bin"}}
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    weights = Weights(weight_files(tmp_path))
    assert weights.names() == ["b", "c"]
    assert weights.get("b", 3).tolist() == [2, 2, 2]
    assert np.array_equal(weights.get("c"), np.eye(2))


INDEXES = ["{", "{}", "[]", '{"weight_map": 3}', '{"weight_map": {"a": 1}}', '{"weight_map": {}}', "[" * 200_000]
INDEXES += [json.dumps({"weight_map": {"a": name}}) for name in ("", "a" * 300)]


@pytest.mark.parametrize("text", INDEXES)
def test_broken_index(text: str, tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin.index.json").write_text(text)
    with pytest.raises(ModelError, match="broken index"):
        weight_files(tmp_path)


def test_no_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no model.safetensors and no pytorch_model.bin"):
        weight_files(tmp_path)
    with pytest.raises(ModelError, match="No such file"):
        Weights([tmp_path / "pytorch_model.bin"])


def test_the_content_tells_the_form(tmp_path: Path) -> None:
    save_file(ONE, tmp_path / "sparse_linear.pt.safetensors")
    (tmp_path / "sparse_linear.pt.safetensors").rename(tmp_path / "model.pth")
    torch.save(ONE, tmp_path / "model.safetensors")
    for name in ("model.pth", "model.safetensors"):
        assert Weights([tmp_path / name]).get("a").tolist() == [1, 1]
    (tmp_path / "sparse_linear.pt").write_text("nothing")
    with pytest.raises(ModelError, match="is no torch checkpoint"):
        Weights([tmp_path / "sparse_linear.pt"])


def test_names_from_tensorflow(tmp_path: Path) -> None:
    old = {"e.LayerNorm.gamma": torch.ones(1), "e.LayerNorm.beta": torch.zeros(1).bfloat16(), "gamma": torch.ones(1)}
    torch.save(old, tmp_path / "pytorch_model.bin")
    weights = Weights([tmp_path / "pytorch_model.bin"])
    assert weights.names() == ["e.LayerNorm.bias", "e.LayerNorm.weight", "gamma"]
    assert weights.get("e.LayerNorm.bias").tolist() == [0]


@pytest.mark.parametrize(
    "header", [b"[" * 200_000, b'{"a": {"dtype": "F32", "shape": [%d], "data_offsets": [0, 4]}}' % 10**30]
)
def test_headers_that_are_too_much(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(ModelError, match="cannot be read as safetensors"):
        Weights([tmp_path / "model.safetensors"])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_values_that_are_no_numbers(tmp_path: Path, value: float) -> None:
    save_file({"a": torch.tensor([1.0, value, 2.0]), "b": torch.zeros(0)}, tmp_path / "model.safetensors")
    weights = Weights([tmp_path / "model.safetensors"])
    assert weights.get("b").size == 0
    with pytest.raises(ModelError, match="tensor 'a' holds values that are no numbers; fetch the file again"):
        weights.get("a")
