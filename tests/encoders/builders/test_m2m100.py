"""M2M100's encoder against transformers, alone and inside whole models; SONAR's layout from tokeniser to vectors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xret.encoders import load_encoder
from xret.encoders.builders.m2m100 import sinusoids
from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.checkpoints.modules import POOLINGS
from xret.encoders.graphs.heads import SENTENCE
from xret.encoders.load import identify
from xret.encoders.reading.language_reader import LanguageReader
from xret.encoders.runtime.batching import pad
from xret.encoders.runtime.session import Session
from xret.encoders.runtime.sessions import build_graph
from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
Error = Callable[..., float]
SHAPE = {
    "vocab_size": 60, "d_model": 32, "encoder_layers": 3, "encoder_ffn_dim": 48, "encoder_attention_heads": 4,
    "decoder_layers": 1, "decoder_ffn_dim": 16, "decoder_attention_heads": 2, "max_position_embeddings": 40,
    "init_std": 0.3,
}  # fmt: skip
LANGUAGES = ["deu_Latn", "eng_Latn", "zho_Hans"]
TEXTS = ["der bird", "", "sees  the bird", "bird " * 40, "<s> und </s> <pad> eng_Latn", "中 文"]


def model(folder: Path, kind: str = "M2M100Encoder", **settings: Any) -> Any:
    """A random model saved into `folder`, and its encoder."""
    import torch
    import transformers
    from transformers.models.m2m_100 import modeling_m2m_100

    torch.manual_seed(3)
    whole = getattr(modeling_m2m_100, kind)(transformers.M2M100Config(**{**SHAPE, **settings})).eval()
    with torch.no_grad():
        for parameter in whole.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    whole.save_pretrained(folder)
    return whole if kind == "M2M100Encoder" else whole.get_encoder()


def states(encoder: Any) -> Any:
    """What the encoder gives for ids and mask."""
    return lambda ids, mask: encoder(input_ids=ids, attention_mask=mask).last_hidden_state


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"d_model": 33, "encoder_attention_heads": 3, "activation_function": "gelu", "scale_embedding": False},
        {"encoder_layers": 1, "activation_function": "gelu_new", "pad_token_id": 5},  # which the texts hold
        {"encoder_attention_heads": 1, "activation_function": "silu", "encoder_ffn_dim": 7},
    ],
    ids=["relu", "odd", "pad", "silu"],
)
def test_hidden_states(tmp_path: Path, error_of: Error, settings: dict[str, Any]) -> None:
    assert error_of(tmp_path, states(model(tmp_path, **settings))) <= 1e-5


@pytest.mark.parametrize("kind", ["M2M100Model", "M2M100ForConditionalGeneration"])
def test_encoder_of_a_whole_model(tmp_path: Path, error_of: Error, kind: str) -> None:
    assert error_of(tmp_path, states(model(tmp_path, kind))) <= 1e-5


def test_a_kept_position_table_is_not_needed(tmp_path: Path, error_of: Error) -> None:
    from safetensors.numpy import load_file, save_file

    oracle, path = model(tmp_path), tmp_path / "model.safetensors"
    save_file({**load_file(path), "embed_positions.weights": np.zeros((42, 32), np.float32)}, path)  # as old folders do
    assert error_of(tmp_path, states(oracle)) <= 1e-5


def test_openvino_reads_the_graph(tmp_path: Path, error_of: Error) -> None:
    assert error_of(tmp_path, states(model(tmp_path)), openvino=True) <= 1e-5


def test_half_precision(tmp_path: Path, error_of: Error, graph_of: Callable[..., Any]) -> None:
    import onnx

    assert error_of(tmp_path, states(model(tmp_path)), precision="fp16") <= 0.05
    onnx.shape_inference.infer_shapes(onnx.load_model_from_string(graph_of(tmp_path, "fp16").serialized()))


def test_positions_are_torchs() -> None:
    from transformers.models.m2m_100.modeling_m2m_100 import M2M100SinusoidalPositionalEmbedding

    theirs = M2M100SinusoidalPositionalEmbedding.get_embedding(1026, 1024, 1)[2:].numpy()
    assert np.abs(sinusoids(1024, 1024, start=2) - theirs).max() <= 5e-5  # the last bit of an angle at place 1000


def sonar(folder: Path, **settings: Any) -> tuple[Any, Any]:
    """A tiny SONAR: the encoder alone, and an NLLB tokeniser; gives both."""
    from transformers import NllbTokenizer

    pieces = [*"▁bdefhinrstu中文", "▁b", "▁t", "▁th", "▁the", "ir", "ird", "▁bird"]
    vocabulary = {piece: i for i, piece in enumerate(["<s>", "<pad>", "</s>", "<unk>", *pieces])}
    merges = [("▁", "b"), ("▁", "t"), ("▁t", "h"), ("▁th", "e"), ("i", "r"), ("ir", "d"), ("▁b", "ird")]
    tokenizer = NllbTokenizer(vocabulary, merges, extra_special_tokens=LANGUAGES, model_max_length=20, **settings)
    tokenizer.save_pretrained(folder)
    return model(folder, vocab_size=len(tokenizer)), tokenizer


@pytest.mark.parametrize("legacy", [False, True])
def test_ids_of_every_source_language(tmp_path: Path, legacy: bool) -> None:
    _, tokenizer = sonar(tmp_path, legacy_behaviour=legacy)
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    reader = LanguageReader(tmp_path / "tokenizer.json", max_length=20, settings=settings)
    assert (reader.languages.codes, reader.languages.default) == (tuple(LANGUAGES), "eng_Latn")
    code = np.arange(len(TEXTS)) % 3
    tokens = reader(TEXTS, code=code, kept=True)
    rows = np.split(tokens.ids, tokens.starts[1:])
    for text, row, language in zip(TEXTS, rows, code, strict=True):
        tokenizer.src_lang = LANGUAGES[language]
        assert row.tolist() == tokenizer(text, truncation=True)["input_ids"]
    assert tokens.cut == 1
    assert tokens.kept is not None and tokens.kept_of(1).tolist() == [False, False]
    tokenizer.src_lang = "eng_Latn"
    assert reader(TEXTS[:1]).ids.tolist() == tokenizer(TEXTS[0])["input_ids"]


def test_where_the_language_stands_is_part_of_the_hash(tmp_path: Path) -> None:
    sonar(tmp_path)
    first, hash = load_encoder(tmp_path, device="cpu", threads=1).encode(["bird"]), identify(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "legacy_behaviour": True}))
    assert np.abs(load_encoder(tmp_path, device="cpu", threads=1).encode(["bird"]) - first).max() > 1e-3
    assert identify(tmp_path) != hash


@pytest.mark.parametrize("pooling", POOLINGS)
def test_sonar_vectors(tmp_path: Path, pooling: str) -> None:
    import torch
    from sentence_transformers.models import Pooling

    oracle, tokenizer = sonar(tmp_path)
    tokenizer.src_lang = "eng_Latn"
    if pooling != "mean":  # which is what a folder without modules.json gets
        (tmp_path / "1_Pooling").mkdir()
        (tmp_path / "1_Pooling/config.json").write_text(
            json.dumps({"embedding_dimension": 32, "pooling_mode": pooling})
        )
        modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
        entries = [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(modules)
        ]
        (tmp_path / "modules.json").write_text(json.dumps(entries))
    encoder = load_encoder(tmp_path, device="cpu", threads=1)
    assert encoder.max_length == 20
    batch = tokenizer(TEXTS, truncation=True, padding=True, return_tensors="pt")
    with torch.no_grad():
        states = oracle(**batch).last_hidden_state
        pooled = Pooling(32, pooling_mode=pooling)(
            {"token_embeddings": states, "attention_mask": batch["attention_mask"]}
        )["sentence_embedding"]
    theirs = torch.nn.functional.normalize(pooled, dim=-1).numpy()
    assert np.abs(encoder.encode(TEXTS) - theirs).max() <= 1e-5


def test_sonar_vectors_in_every_language(tmp_path: Path) -> None:
    import torch

    oracle, tokenizer = sonar(tmp_path)
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    reader = LanguageReader(tmp_path / "tokenizer.json", max_length=20, settings=settings)
    code = np.arange(len(TEXTS)) % 3
    graph = build_graph(open_checkpoint(tmp_path)).serialized()
    feed = pad(reader(TEXTS, code=code), np.arange(len(TEXTS)))
    mine = Session(graph, device="cpu", threads=1).run(feed, SENTENCE)
    for row, (text, language) in enumerate(zip(TEXTS, code, strict=True)):
        tokenizer.src_lang = LANGUAGES[language]
        with torch.no_grad():
            mean = oracle(**tokenizer(text, truncation=True, return_tensors="pt")).last_hidden_state[0].mean(0)
        assert np.abs(mine[row] - torch.nn.functional.normalize(mean, dim=0).numpy()).max() <= 1e-5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"activation_function": "mish"}, "activation_function 'mish' is not known here"),
        ({"encoder_attention_heads": 5}, "not a multiple of encoder_attention_heads"),
        ({"d_model": None}, "'d_model' is None, wanted int"),
        ({"encoder_layers": 0}, "'encoder_layers' is 0"),
        ({"auto_map": {"AutoModel": "x.Y"}}, "auto_map"),
        ({"encoder_layers": 4}, r"no tensor 'layers\.3\.self_attn_layer_norm\.weight'"),
        ({"encoder_layers": 2}, r"holds 'layers\.2\."),
        ({"encoder_ffn_dim": 50}, r"'layers\.0\.fc1\.weight' is \(48, 32\), config.json wants \(50, 32\)"),
        ({"vocab_size": 61}, r"'embed_tokens\.weight' is \(60, 32\)"),
        ({"d_model": 64}, r"config.json wants \(60, 64\)"),
    ],
    ids=str,
)
def test_refusals(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    sonar(tmp_path)
    model(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ModelError, match=message):
        build_graph(open_checkpoint(tmp_path))
