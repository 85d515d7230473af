"""Checkpoints of true shapes with random weights, written by NumPy alone: config.json, safetensors, tokenizer.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["SHAPES", "Shape", "write_checkpoint"]

WORDS = 30_000  # the vocabulary; the models' own (up to 500 k) only make the table of embeddings larger
SPECIALS = ["<s>", "<pad>", "</s>", "<unk>"]


@dataclass(frozen=True)
class Shape:
    """A BERT or XLM-RoBERTa by its sizes."""

    name: str
    kind: str  # model_type
    layers: int
    width: int
    inner: int
    heads: int
    length: int  # tokens

    def flop(self, tokens: int) -> float:
        """Floating point operations of the layers for one text: the linear ones, and attention's two products."""
        linear = 2 * (4 * self.width**2 + 2 * self.width * self.inner)
        return float(self.layers * tokens * (linear + 4 * tokens * self.width))


SHAPES = (
    Shape("MiniLM-shaped", "bert", 6, 384, 1536, 12, 256),
    Shape("LaBSE-shaped", "bert", 12, 768, 3072, 12, 256),
    Shape("XLM-R-large-shaped", "xlm-roberta", 24, 1024, 4096, 16, 512),
)


def write_checkpoint(shape: Shape, folder: Path, *, words: int = WORDS) -> Path:
    """Write the checkpoint into a new folder; weights are float16."""
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    folder.mkdir(parents=True)
    vocabulary = {word: at for at, word in enumerate([*SPECIALS, *(f"w{number}" for number in range(words))])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    positions = shape.length + (2 if shape.kind == "xlm-roberta" else 0)
    config = {
        "model_type": shape.kind, "vocab_size": len(vocabulary), "hidden_size": shape.width,
        "num_hidden_layers": shape.layers, "num_attention_heads": shape.heads, "intermediate_size": shape.inner,
        "hidden_act": "gelu", "layer_norm_eps": 1e-5, "max_position_embeddings": positions, "type_vocab_size": 1,
        "pad_token_id": 1,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    save_file(dict(_tensors(shape, len(vocabulary), positions)), folder / "model.safetensors")
    return folder


def _tensors(shape: Shape, words: int, positions: int) -> Iterator[tuple[str, NDArray[np.float16]]]:
    random = np.random.default_rng(1)
    width, inner = shape.width, shape.inner

    def matrix(*size: int) -> NDArray[np.float16]:
        return (random.standard_normal(size, dtype=np.float32) * 0.05).astype(np.float16)

    def norm(name: str) -> Iterator[tuple[str, NDArray[np.float16]]]:
        yield f"{name}.weight", np.ones(width, np.float16) + matrix(width)
        yield f"{name}.bias", matrix(width)

    yield "embeddings.word_embeddings.weight", matrix(words, width)
    yield "embeddings.position_embeddings.weight", matrix(positions, width)
    yield "embeddings.token_type_embeddings.weight", matrix(1, width)
    yield from norm("embeddings.LayerNorm")
    for number in range(shape.layers):
        layer = f"encoder.layer.{number}"
        for part, out, into in (
            ("attention.self.query", width, width), ("attention.self.key", width, width),
            ("attention.self.value", width, width), ("attention.output.dense", width, width),
            ("intermediate.dense", inner, width), ("output.dense", width, inner),
        ):  # fmt: skip
            yield f"{layer}.{part}.weight", matrix(out, into)
            yield f"{layer}.{part}.bias", matrix(out)
        yield from norm(f"{layer}.attention.output.LayerNorm")
        yield from norm(f"{layer}.output.LayerNorm")
