"""Small random checkpoints, and a graph cache of the test's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

WORDS = [
    *("the", "a", "river", "stone", "blue", "green", "runs", "sleeps", "under", "over", "house", "bird", "sees"),
    *("finds", "old", "new", "quickly", "slowly", "and", "or"),
]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The graph cache, empty at the start of each test."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XRET_CACHE", str(folder))
    return folder


def word_tokenizer(specials: list[str], template: str | None) -> Any:
    """A word-level tokeniser; `template` as in tokenizers' TemplateProcessing, e.g. ``[CLS] $A [SEP]``."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    vocabulary = {word: i for i, word in enumerate([*specials, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=next(s for s in specials if "unk" in s.lower())))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if template:
        used = [(s, vocabulary[s]) for s in specials if s in template]
        tokenizer.post_processor = processors.TemplateProcessing(single=template, special_tokens=used)
    return tokenizer


def transformer_folder(folder: Path, kind: str, *, length: int = 32, **settings: Any) -> Path:
    """A random BERT or a relative of it with a tokeniser, in Hugging Face layout."""
    import torch
    from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

    bert = kind in ("bert", "distilbert")
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] if bert else ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer = word_tokenizer(specials, "[CLS] $A [SEP]" if bert else "<s> $A </s>")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=specials[0 if bert else 1], unk_token=specials[1 if bert else 3],
        model_max_length=length,
    ).save_pretrained(folder)  # fmt: skip
    shape = {
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": 24,
        "intermediate_size": 40,
        "num_hidden_layers": 2,
    }
    shape |= {
        "num_attention_heads": 3,
        "max_position_embeddings": length + (0 if bert else 2),
        "initializer_range": 0.3,
    }
    shape |= {"pad_token_id": 0 if bert else 1, "type_vocab_size": 2 if bert else 1}
    if kind == "distilbert":
        shape["hidden_dim"] = shape.pop("intermediate_size")
    config = AutoConfig.for_model(kind, **{**shape, **settings})
    torch.manual_seed(7)
    model = AutoModel.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases and LayerNorm gains too, which begin as zeros and ones
            parameter.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(folder)
    return folder


def write_static(folder: Path, *, dtype: str = "int8", hidden: int = 6, out: int = 5, **config: Any) -> Path:
    """A random model in the ``xret-static`` layout; its words are `WORDS`, ids 0 and 1 are <pad> and <unk>."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = word_tokenizer(["<pad>", "<unk>"], None)
    tokenizer.save(str(folder / "tokenizer.json"))
    size, random = tokenizer.get_vocab_size(), np.random.default_rng(3)
    tensors: dict[str, Any] = {"projection.weight": random.standard_normal((out, hidden)).astype(np.float32)}
    if dtype == "int8":
        tensors["embedding.weight"] = random.integers(-127, 128, (size, hidden)).astype(np.int8)
        tensors["embedding.scale"] = (random.random(size) / 127).astype(np.float32)
        tensors["embedding.scale"][1] = 0  # an unknown word says nothing
    else:
        tensors["embedding.weight"] = random.standard_normal((size, hidden)).astype(dtype)
    save_file(tensors, folder / "model.safetensors")
    settings = {
        "model_type": "xret-static", "vocab_size": size, "hidden_size": hidden, "output_size": out, "pad_token_id": 0,
        "max_length": 64, "name": "tiny", "version": "1", **config,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture
def static(tmp_path: Path) -> Callable[..., Path]:
    """``static(dtype=…, **config)``: the folder of a new tiny static model."""
    return lambda **options: write_static(tmp_path / "static", **options)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``tiny(kind, **settings)``: the folder of a random transformer, made once per set of arguments."""
    made: dict[str, Path] = {}

    def make(kind: str, **settings: Any) -> Path:
        key = f"{kind} {sorted(settings.items())}"
        if key not in made:
            made[key] = transformer_folder(tmp_path_factory.mktemp("tiny") / kind, kind, **settings)
        return made[key]

    return make


@pytest.fixture
def quiet() -> Iterator[None]:
    """Silence the progress bars and warnings of the oracles."""
    import warnings

    from transformers.utils import logging

    logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
