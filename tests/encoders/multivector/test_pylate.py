"""PyLate's layout against plain torch, and both it and sentence-transformers' own against MultiVectorEncoder."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xret.encoders import load_encoder
from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.load import open_reader
from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
Parts = tuple[Callable[..., Any], ...]
Worst = Callable[..., float]
Texts = list[str]
MARKERS = ("[Q] ", "[D] ")
MASK, RIVER = 28, 16


def dense(folder: Path, name: str, width: int, out: int, *, bias: bool, kind: str = "pylate.models.Dense.Dense") -> Any:
    """A Dense of the layout; gives it as a torch module."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(out)
    linear = torch.nn.Linear(width, out, bias=bias)
    (folder / name).mkdir()
    activation = "torch.nn.modules.linear.Identity"
    config = {"in_features": width, "out_features": out, "bias": bias, "activation_function": activation}
    (folder / name / "config.json").write_text(json.dumps(config | {"use_residual": False}))
    save_file(
        {f"linear.{key}": value.clone() for key, value in linear.state_dict().items()},
        folder / name / "model.safetensors",
    )
    return linear


def pylate(
    folder: Path,
    parts: Parts,
    *,
    kind: str = "xlm-roberta",
    layers: int = 1,
    shape: dict[str, Any] | None = None,
    **settings: Any,
) -> Any:
    """A checkpoint as PyLate saves it, and its reference."""
    import torch

    unigram, wordpiece, backbone, reference = parts
    tokenizer = wordpiece(folder) if kind == "bert" else unigram(folder, MARKERS)
    if kind == "bert":
        tokenizer.add_tokens(list(MARKERS))
        tokenizer.save_pretrained(folder)
    model = backbone(kind, len(tokenizer), **(shape or {}))
    model.save_pretrained(folder)
    sizes = [24, 12, 8][: layers + 1] if layers > 1 else [24, 8]
    heads = [dense(folder, f"{at + 1}_Dense", *sizes[at : at + 2], bias=layers > 1) for at in range(layers)]
    types = ["sentence_transformers.models.Transformer", *["pylate.models.Dense.Dense"] * layers]
    modules = [
        {"idx": at, "name": str(at), "path": f"{at}_Dense" if at else "", "type": kind} for at, kind in enumerate(types)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    usual = {
        "model_type": "ColBERT", "prompts": {}, "similarity_fn_name": "MaxSim", "query_prefix": MARKERS[0],
        "document_prefix": MARKERS[1], "query_length": 16, "document_length": 24, "do_query_expansion": True,
        "attend_to_expansion_tokens": False, "skiplist_words": list(string.punctuation),
    }  # fmt: skip
    chosen = usual | settings
    (folder / "config_sentence_transformers.json").write_text(json.dumps(chosen))
    query, document = tokenizer.convert_tokens_to_ids(list(MARKERS))
    return reference(
        tokenizer, model, torch.nn.Sequential(*heads), query, document, attend=chosen["attend_to_expansion_tokens"],
        expands=chosen["do_query_expansion"], pads=False,
        skip=set(tokenizer.convert_tokens_to_ids(chosen["skiplist_words"])),
    )  # fmt: skip


def read(folder: Path, text: str, role: Any) -> tuple[list[int], list[bool]]:
    tokens = open_reader(open_checkpoint(folder), threads=1)([text], role=role, kept=True)
    assert tokens.kept is not None
    return tokens.ids.tolist(), tokens.kept.tolist()


@pytest.mark.parametrize("settings", [
    {}, {"attend_to_expansion_tokens": True}, {"do_query_expansion": False}, {"skiplist_words": [",", "."]},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_pylate(parts: Parts, worst: Worst, texts: Texts, tmp_path: Path, kind: str, settings: dict[str, Any]) -> None:
    reference = pylate(tmp_path, parts, kind=kind, layers=2 if kind == "bert" else 1, **settings)
    encoder = load_encoder(tmp_path, device="cpu", threads=1)
    assert worst(encoder, reference, texts) <= 1e-5


def modern(window: int) -> dict[str, Any]:
    return {
        "local_attention": window, "num_attention_heads": 2, "global_attn_every_n_layers": 2, "cls_token_id": 0,
        "bos_token_id": 0, "sep_token_id": 2, "eos_token_id": 2,
    }  # fmt: skip


def test_modernbert_and_its_window(parts: Parts, worst: Worst, texts: Texts, tmp_path: Path) -> None:
    reference = pylate(tmp_path, parts, kind="modernbert", shape=modern(26))
    assert worst(load_encoder(tmp_path, device="cpu", threads=1), reference, texts) <= 1e-5
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "local_attention": 24}))
    with pytest.raises(ModelError, match="beyond the attention window of 24 of a short query"):
        open_checkpoint(tmp_path)


def test_markers_and_punctuation_by_their_own_tokens(parts: Parts, tmp_path: Path) -> None:
    pylate(tmp_path, parts)
    assert read(tmp_path, "river", "query")[0] == [0, MASK + 1, RIVER, 2, *[MASK] * 12]
    ids, kept = read(tmp_path, "river , stone. qqq", "document")
    assert ids == [0, MASK + 2, RIVER, 6, 4, 17, 5, 6, 3, 2]  # qqq: a boundary and the unknown token
    assert kept == [True] * 4 + [False, True, False, True, False, True]  # 4, 5 and PyLate's unknown token, but not 6
    assert len(read(tmp_path, "river " * 40, "document")[0]) == 24
    assert read(tmp_path, "river " * 40, "query")[0].count(RIVER) == 13


def test_pylate_as_sentence_transformers_reads_it(parts: Parts, texts: Texts, tmp_path: Path) -> None:
    from sentence_transformers import MultiVectorEncoder

    reference = pylate(tmp_path, parts, attend_to_expansion_tokens=True)
    oracle = MultiVectorEncoder(str(tmp_path), device="cpu")
    plain = [text for text in texts if "<" not in text and 3 not in reference.tokenizer(text)["input_ids"]]
    assert len(plain) >= 4  # without unknown tokens, which it does not skip
    compare(load_encoder(tmp_path, device="cpu", threads=1), oracle, plain)


def compare(encoder: Any, oracle: Any, texts: Texts) -> None:
    for role, encode in (("query", oracle.encode_query), ("document", oracle.encode_document)):
        for text, mine in zip(texts, encoder.encode_tokens(texts, role=role), strict=True):
            wanted = np.asarray(encode([text], show_progress_bar=False)[0])
            assert mine.shape == wanted.shape, (role, text)
            assert np.abs(mine - wanted).max(initial=0) <= 1e-5, (role, text)


FIXED = {"strategy": "fixed", "length": 16}
NATIVE: list[dict[str, Any]] = [
    {"query_expansion": FIXED, "document_length": 24},
    {"query_expansion": {**FIXED, "attend": True}, "skip": [",", ".", "▁", "☃"]},
    {"query_expansion": {"strategy": "min", "length": 12}, "query_length": 20},
    {"query_expansion": {"strategy": "min", "length": 12, "attend": True, "token": "▁stone"}},
    {"query_expansion": None, "query_length": 14, "skip": ["▁", "."], "tasks": ["query", "document"]},
    {"query_expansion": None, "similarity": "meanmaxsim", "skip": ["▁river"], "tasks": []},
]


@pytest.mark.parametrize("options", NATIVE, ids=str)
def test_sentence_transformers_own_layout(parts: Parts, texts: Texts, tmp_path: Path, options: dict[str, Any]) -> None:
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
    from torch import nn

    unigram, _, backbone, _ = parts
    base, folder = tmp_path / "base", tmp_path / "model"
    tokenizer = unigram(base, ("[Q]", "[D]"))
    backbone("xlm-roberta", len(tokenizer)).save_pretrained(base)
    lengths = {key: options.get(key) for key in ("query_length", "document_length", "query_expansion")}
    modules = [
        Transformer(str(base), **lengths),
        Dense(24, 12, activation_function=nn.Tanh(), module_input_name="token_embeddings"),
        Dense(12, 8, bias=False, activation_function=nn.Identity(), module_input_name="token_embeddings"),
        MultiVectorMask(skiplist_words=options.get("skip"), skiplist_tasks=options.get("tasks")),
        Normalize(module_input_name="token_embeddings"),
    ]
    prompts = {"query": "[Q] ", "document": "[D] "}
    oracle = MultiVectorEncoder(
        modules=modules, device="cpu", prompts=prompts, similarity_fn_name=options.get("similarity")
    )
    oracle.save_pretrained(str(folder))
    encoder = load_encoder(folder, device="cpu", threads=1)
    compare(encoder, MultiVectorEncoder(str(folder), device="cpu"), texts)
    assert encoder.recipe.multi_vector is not None
    assert encoder.recipe.multi_vector.similarity == ("mean" if "similarity" in options else "sum")
    assert encoder.recipe.multi_vector.marker_mode == "text" and encoder.token_dim == 8


def test_stanford_layout_as_sentence_transformers_reads_it(
    make: Callable[..., Any], texts: Texts, tmp_path: Path
) -> None:
    from sentence_transformers import MultiVectorEncoder

    make(tmp_path, "bert")  # with WordPiece and known markers it does as Stanford's code does
    plain = [text for text in texts if "<" not in text]
    compare(load_encoder(tmp_path, device="cpu", threads=1), MultiVectorEncoder(str(tmp_path), device="cpu"), plain)


def test_broken_checkpoints(parts: Parts, tmp_path: Path) -> None:
    pylate(tmp_path, parts)

    def refused(name: str, message: str, change: Callable[[Any], Any]) -> None:
        path = tmp_path / name
        before = path.read_text()
        path.write_text(json.dumps(change(json.loads(before))))
        with pytest.raises(ModelError, match=message):
            load_encoder(tmp_path, device="cpu", threads=1)
        path.write_text(before)

    settings, modules = "config_sentence_transformers.json", "modules.json"
    refused(settings, "'query_length' is 'long', wanted a number", lambda s: s | {"query_length": "long"})
    refused(settings, "queries of 500 and documents of 24 tokens do not fit", lambda s: s | {"query_length": 500})
    refused(modules, r"module 'pylate\.models\.Other' in 'x' is not supported",
            lambda m: [*m, {"idx": 2, "name": "2", "path": "x", "type": "pylate.models.Other"}])  # fmt: skip
    refused(modules, "has no Dense", lambda m: m[:1])
    refused(modules, "leads out of the folder", lambda m: [m[0] | {"path": "../up"}, m[1]])
    refused("1_Dense/config.json", "maps 23 to 8 features", lambda c: c | {"in_features": 23})
    refused("config.json", "vectors for 30 tokens only", lambda c: c | {"vocab_size": 30})
    (tmp_path / "1_Dense" / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no model.safetensors"):
        load_encoder(tmp_path, device="cpu", threads=1)
