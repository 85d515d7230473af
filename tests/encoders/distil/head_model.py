"""A hybrid model whose token vectors are half noise, and texts in two languages of which only some words matter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.encoders.distil.conftest import foreign

HIDDEN, OUT, HALF, CONCEPTS, FILLERS = 16, 12, 8, 150, 6
WORDS = [[foreign(f"{side}{i}") for i in range(CONCEPTS)] for side in ("a", "b")]
PAD = 2  # <pad>, <unk>


def write_model(folder: Path) -> Path:
    """Words of the two languages agree in half their values, and in the other, larger ones, nothing does."""
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {word: i for i, word in enumerate(["<pad>", "<unk>", *WORDS[0], *WORDS[1]])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    rng = np.random.default_rng(1)

    def draw(*shape: int) -> Any:
        return rng.normal(0, 1, shape).astype(np.float32)

    meant = draw(CONCEPTS, HALF)
    rows = [np.hstack([meant, 1.2 * draw(CONCEPTS, HIDDEN - HALF)]) for _ in WORDS]
    table = np.vstack([draw(PAD, HIDDEN), *rows]).astype(np.float32)
    layer = {"qkv": (3 * HIDDEN, HIDDEN), "out": (HIDDEN, HIDDEN), "up": (20, HIDDEN), "down": (HIDDEN, 20)}
    tensors = {"embedding.weight": table, "embedding.log_weight": np.zeros(len(table), np.float32)}
    tensors["projection.weight"] = np.linalg.qr(draw(HIDDEN, HIDDEN))[0][:OUT].copy()
    for name, shape in ({f"layers.0.{name}": shape for name, shape in layer.items()} | {"gate": (1, HIDDEN)}).items():
        tensors |= {f"context.{name}.weight": 0.1 * draw(*shape), f"context.{name}.bias": 0.1 * draw(shape[0])}
    for name in ("norm", "final_norm", "layers.0.norm1", "layers.0.norm2"):
        tensors |= {f"context.{name}.weight": np.ones(HIDDEN, np.float32), f"context.{name}.bias": draw(HIDDEN) / 9}
    tensors["context.delta.weight"] = 0.02 * draw(HIDDEN, HIDDEN)
    save_file(tensors, folder / "model.safetensors", {"made": "by a test"})
    config = {
        "model_type": "xret-hybrid", "name": "tiny", "vocab_size": len(table), "hidden_size": HIDDEN,
        "output_size": OUT, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 20,
        "position_decay": 9, "max_length": 64, "pad_token_id": 0,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "README.md").write_text("# tiny\n\nA model.\n")
    (folder / "extra").mkdir()
    (folder / "extra" / "notes.bin").write_bytes(b"\x00\xff notes")
    return folder


def texts(count: int, *, seed: int) -> tuple[list[str], list[str]]:
    """Translations, word by word in another order: three words that matter among four that are everywhere."""
    rng = np.random.default_rng(seed)
    sides: tuple[list[str], list[str]] = ([], [])
    for _ in range(count):
        chosen = [*rng.integers(FILLERS, CONCEPTS, 3), *rng.integers(0, FILLERS, 4)]
        for side, words in zip(sides, WORDS, strict=True):
            side.append(" ".join(words[i] for i in rng.permutation(chosen)))
    return sides


def write_pairs(path: Path, count: int = 1500) -> Path:
    """Pairs of two sources and languages, ``en`` on one side."""
    english, others = texts(count, seed=2)
    source = ["manual" if i % 2 else "talk" for i in range(count)]
    pq.write_table(pa.table({"en": english, "text": others, "lang": ["eo"] * count, "source": source}), path)
    return path


def write_questions(path: Path, count: int = 200) -> Path:
    """Questions of two words of their passage."""
    passages, others = texts(count, seed=3)
    asked = [" ".join(text.split()[:3]) for text in others]
    group = [str(i // 5) for i in range(count)]
    pq.write_table(pa.table({"question": asked, "passage": passages, "group": group}), path)
    return path
