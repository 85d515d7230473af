"""Folders with settings that cannot be: one line that names the fault, never a traceback, never hours of building."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xret.encoders import load_encoder
from xret.encoders.checkpoints.faults import check_numbers
from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
Tiny = Callable[..., Path]


def changed(folder: Path, file: str, **fields: Any) -> Path:
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    return folder


def refused(folder: Path) -> str:
    """The message of the refusal, whenever it comes."""
    with pytest.raises(ModelError) as raised:
        load_encoder(folder, device="cpu", threads=1).encode(["the old bird"])
    message = str(raised.value)
    assert "\n" not in message and len(message) < 500
    return message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_hidden_layers", 10**12), ("num_attention_heads", 0), ("hidden_size", -1), ("vocab_size", "x"),
        ("intermediate_size", 3.5), ("max_position_embeddings", True), ("layer_norm_eps", float("nan")),
        ("layer_norm_eps", "1e-5"), ("model_type", ["bert"]),
    ],
)  # fmt: skip
def test_values_that_no_model_has(tiny: Tiny, tmp_path: Path, field: str, value: Any) -> None:
    folder = shutil.copytree(tiny("xmod", languages=["en_XX"]), tmp_path / "model")
    assert f"'{field}' is" in refused(changed(folder, "config.json", **{field: value}))


@pytest.mark.parametrize(
    ("field", "value"),
    [("architectures", 5), ("hidden_act", []), ("layer_norm_eps", None), ("auto_map", [1]), ("type_vocab_size", "x")],
)
def test_values_of_other_types(tiny: Tiny, tmp_path: Path, field: str, value: Any) -> None:
    folder = shutil.copytree(tiny("bert"), tmp_path / "model")
    assert str(folder) in refused(changed(folder, "config.json", **{field: value}))


def test_what_is_not_there_is_not_checked(tiny: Tiny, tmp_path: Path) -> None:
    check_numbers({"num_key_value_heads": None, "type_vocab_size": 0})
    folder = shutil.copytree(tiny("bert"), tmp_path / "model")
    changed(folder, "config.json", head_dim=None, rms_norm_eps=None)
    assert load_encoder(folder, device="cpu", threads=1).encode(["the"]).shape == (1, 24)


@pytest.mark.parametrize("content", ["[]", "null", "3", "[" * 100_000, '{"a":' * 5000 + "1" + "}" * 5000])
def test_json_of_another_shape(tiny: Tiny, tmp_path: Path, content: str) -> None:
    folder = shutil.copytree(tiny("bert"), tmp_path / "model")
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    entries = [
        {"idx": at, "path": path, "type": f"sentence_transformers.models.{kind}"}
        for at, (path, kind) in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(entries))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(content)
    assert "1_Pooling/config.json" in refused(folder)


def test_a_tokeniser_whose_template_names_no_token(tiny: Tiny, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny("bert"), tmp_path / "model")
    settings = json.loads((folder / "tokenizer.json").read_text())
    del settings["post_processor"]["special_tokens"]["[CLS]"]
    (folder / "tokenizer.json").write_text(json.dumps(settings))
    assert "tokenizer.json: is damaged" in refused(folder)
