"""GTE encoders against transformers: both config spellings, both tensor layouts, stretched rotary positions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xret.encoders import load_encoder
from xret.encoders.builders import family_of
from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
Make = Callable[..., Any]
# What Alibaba's and Snowflake's config.json say besides the sizes.
ALIBABA = {
    "model_type": "new", "architectures": ["NewModel"], "auto_map": {"AutoModel": "org/code--modeling.NewModel"},
    "position_embedding_type": "rope", "layer_norm_type": "layer_norm", "layer_norm_eps": 1e-12, "pack_qkv": True,
    "logn_attention_scale": False, "logn_attention_clip1": False, "unpad_inputs": False, "hidden_act": "gelu",
    "type_vocab_size": 1,
}  # fmt: skip


def merged(state: dict[str, Any], prefix: str = "", *, pack: bool = True) -> dict[str, Any]:
    """Transformers' tensors in the layout of Alibaba's code."""
    import torch

    names = {
        "self_attn.o_proj": "attention.o_proj",
        "post_attention_layernorm": "attn_ln",
        "post_mlp_layernorm": "mlp_ln",
    }
    result = {}
    for name, tensor in state.items():
        name = name.replace("layers.", "encoder.layer.") if name.startswith("layers.") else name
        for old, new in names.items():
            name = name.replace(old, new)
        result[name.replace("self_attn", "attention")] = tensor
    groups: dict[str, tuple[str, ...]] = {"mlp.up_gate_proj": ("mlp.up_proj", "mlp.gate_proj")}
    if pack:
        groups["attention.qkv_proj"] = tuple(f"attention.{part}_proj" for part in "qkv")
    for new, parts in groups.items():
        for name in [name for name in result if parts[0] in name]:
            pieces = [result.pop(name.replace(parts[0], part)) for part in parts]
            result[name.replace(parts[0], new)] = torch.cat(pieces)
    return {prefix + name: tensor for name, tensor in result.items()}


@pytest.mark.parametrize(
    "settings", [{}, {"type_vocab_size": 0}, {"type_vocab_size": 2, "hidden_act": "gelu_new"}], ids=str
)
def test_as_transformers_saves_it(random_model: Make, error_of: Make, settings: dict[str, Any]) -> None:
    folder, oracle, _ = random_model("gte", **settings)
    assert error_of(folder, oracle) <= 1e-5
    assert error_of(folder, oracle, batches=[[9, 40, 1]], openvino=True) <= 1e-5
    assert error_of(folder, oracle, batches=[[9, 40, 1]], precision="fp16") <= 0.05


def test_separate_layers_with_heads(random_model: Make, error_of: Make, write: Make) -> None:
    import torch

    _, oracle, model = random_model("gte")
    tensors = {f"gte.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {"lm_head.decoder.bias": torch.zeros(50), "classifier.weight": torch.zeros(1, 32)}
    assert error_of(write("apart", {"model_type": "gte", "type_vocab_size": 1}, tensors), oracle) <= 1e-5


@pytest.mark.parametrize("pack", [True, False])
def test_alibabas_layout_and_ntk(random_model: Make, error_of: Make, write: Make, pack: bool) -> None:
    # transformers says the same as "linear", with a base that is stretched already
    stretched = {"rope_type": "linear", "factor": 8.0 ** (2 / 8), "rope_theta": 160_000.0}
    _, oracle, model = random_model("gte", rope_parameters=stretched)
    config = {**ALIBABA, "rope_theta": 20_000, "rope_scaling": {"type": "ntk", "factor": 8.0}, "pack_qkv": pack}
    folder = write("new", config, merged(model.state_dict(), "new.", pack=pack))
    assert error_of(folder, oracle) <= 1e-5


def test_positions() -> None:
    # the limit is that of the stretched context: ntk does not raise it further
    config = {**ALIBABA, "hidden_size": 32, "num_attention_heads": 4, "max_position_embeddings": 8192}
    config["rope_scaling"] = {"type": "ntk", "factor": 8.0}
    assert family_of(config).positions(config) == 8192


def test_mixed_ntk(random_model: Make, error_of: Make, write: Make) -> None:
    import torch

    _, oracle, model = random_model("gte")
    growth = torch.tensor(8.0).log() / 4**0.625
    plain = 1 / 10_000 ** (torch.arange(0, 8, 2).float() / 8)
    model.rotary_emb.inv_freq = plain / (growth * torch.arange(1, 5).float() ** 0.625).exp()
    scaling = {"type": "ntk", "factor": 8.0, "mixed_b": 0.625}
    folder = write("mixed", {**ALIBABA, "rope_scaling": scaling}, merged(model.state_dict()))
    assert error_of(folder, oracle) <= 1e-5


def test_long_texts(random_model: Make, error_of: Make) -> None:
    folder, oracle, _ = random_model("gte", max_position_embeddings=1600, num_hidden_layers=2, head_dim=8)
    assert error_of(folder, oracle, batches=[[1600], [700, 1500]]) <= 1e-5


def test_from_text_to_vector(tiny: Make, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer, models

    first = models.Transformer(str(tiny("gte")))
    model = SentenceTransformer(modules=[first, models.Pooling(24, pooling_mode="cls")], device="cpu")
    model.save(str(tmp_path / "m"))
    texts = ["the old bird sees a river", "", "stone", "a blue house and a green house or the new river " * 4]
    theirs = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    assert np.abs(load_encoder(tmp_path / "m", device="cpu", threads=1).encode(texts) - theirs).max() <= 1e-5


def test_alibabas_layout_from_text_to_vector(tiny: Make, tmp_path: Path) -> None:
    """The files of arctic-embed-m-v2.0: the `new` config, merged tensors, CLS, and a prompt for queries."""
    import json

    from safetensors.torch import load_file, save_file
    from sentence_transformers import SentenceTransformer, models

    first = models.Transformer(str(tiny("gte")))
    pooling = models.Pooling(first.get_embedding_dimension(), pooling_mode="cls")
    model = SentenceTransformer(
        modules=[first, pooling, models.Normalize()], prompts={"query": "query: "}, device="cpu"
    )  # fmt: skip
    model.save(str(tmp_path / "m"))
    weights, config = tmp_path / "m" / "model.safetensors", tmp_path / "m" / "config.json"
    save_file(merged(load_file(weights)), weights)
    said = {key: value for key, value in json.loads(config.read_text()).items() if key not in ALIBABA}
    config.write_text(
        json.dumps({**said, **ALIBABA, "type_vocab_size": json.loads(config.read_text())["type_vocab_size"]})
    )
    encoder, texts = (
        load_encoder(tmp_path / "m", device="cpu", threads=1),
        ["the old bird", "a blue house or the river"],
    )
    theirs = model.encode(texts, prompt_name="query", show_progress_bar=False)
    assert np.abs(encoder.encode(texts, role="query") - theirs).max() <= 1e-5
    assert np.abs(encoder.encode(texts, role="document") - model.encode(texts, show_progress_bar=False)).max() <= 1e-5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"position_embedding_type": "absolute"}, "position_embedding_type 'absolute'"),
        ({"layer_norm_type": "rms_norm"}, "layer_norm_type 'rms_norm'"),
        ({"logn_attention_scale": True}, "logn_attention_scale"),
        ({"hidden_act": "mish"}, "hidden_act 'mish' is not known"),
        ({"rope_scaling": {"type": "yarn", "factor": 2}}, "RoPE scaling 'yarn' is not known"),
        ({"rope_parameters": {"rope_type": "dynamic", "factor": 2}}, "RoPE scaling 'dynamic' is not known"),
        ({"rope_scaling": {"type": "ntk", "factor": 0}}, "'factor' of RoPE is 0"),
        ({"rope_scaling": "ntk"}, "wanted an object"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
        ({"num_attention_heads": 5}, "not a multiple"),
        ({"intermediate_size": 43}, r"up_gate_proj\.weight' is \(88, 32\), config\.json wants \(86, 32\)"),
        ({"vocab_size": 49}, "word_embeddings"),
        ({"num_hidden_layers": 5}, r"no tensor '.*layers\.4\."),
        ({"num_hidden_layers": 3}, r"holds 'encoder\.layer\.3\."),
    ],
    ids=str,
)
def test_refuses(random_model: Make, graph_of: Make, write: Make, changes: dict[str, Any], message: str) -> None:
    _, _, model = random_model("gte")
    folder = write("bad", ALIBABA, merged(model.state_dict()))
    with pytest.raises(ModelError, match=message):
        graph_of(folder, **changes)
