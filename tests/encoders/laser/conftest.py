"""Tiny LASER folders with the layout of the release."""

from __future__ import annotations

import argparse
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SYLLABLES = ["ka", "lo", "mi", "ne", "tu", "ra", "si", "po", "ße", "né", "Да", "ни", "ma", "'", "-"]


def sentences(count: int = 400) -> list[str]:
    """Made-up words, with the punctuation that LASER changes."""
    chance = random.Random(5)
    words = ["".join(chance.choices(SYLLABLES, k=chance.randint(1, 4))) for _ in range(120)]
    marks = [".", "!", " ?", ",", " « ", " » ", "“", "”", "’", "…", " — ", "(", ")", " 3 %", "\u00a0;", "''"]
    return [
        " ".join(word + (chance.choice(marks) if chance.random() < 0.2 else "") for word in chance.choices(words, k=9))
        for _ in range(count)
    ]


def train_pieces(path: Path, *, size: int = 80, lower: bool = True) -> Path:
    """A SentencePiece model, and beside it fairseq's word list of its pieces in another order than theirs."""
    import sentencepiece

    model = io.BytesIO()
    lines = [line.lower() if lower else line for line in sentences()]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, vocab_size=size, minloglevel=2, num_threads=1
    )
    path.write_bytes(model.getvalue())
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    words = [pieces.id_to_piece(at) for at in range(3, size)][::-1]
    path.with_suffix(".cvocab").write_text("".join(f"{word} {9 + at}\n" for at, word in enumerate(words)), "utf-8")
    return path


def words_of(path: Path) -> dict[str, int]:
    lines = path.with_suffix(".cvocab").read_text("utf-8").splitlines()
    return {line.split(" ")[0]: at + 4 for at, line in enumerate(lines)}


def write_laser2(folder: Path, **changes: Any) -> Any:
    """``laser2.pt`` with everything in it, as released; gives the two torch modules."""
    import torch

    words = words_of(folder / "laser2.spm")
    params = {"num_embeddings": len(words) + 4, "padding_idx": 1, "embed_dim": 6, "hidden_size": 8, "num_layers": 2,
              "bidirectional": True, "left_pad": True, "padding_value": 0.0}  # fmt: skip
    torch.manual_seed(2)
    table = torch.nn.Embedding(params["num_embeddings"], 6, padding_idx=1)
    lstm = torch.nn.LSTM(6, 8, 2, bidirectional=True)
    model = {"embed_tokens.weight": table.weight, **{f"lstm.{name}": value for name, value in lstm.named_parameters()}}
    content = {"params": params, "model": model, "dictionary": words, **changes}
    torch.save(content, folder / "laser2.pt", _use_new_zipfile_serialization=False)
    return table, lstm


def write_laser3(folder: Path, code: str, pieces: Path, *, version: int = 1, **changes: Any) -> Path:
    """A one-layer LASER3 expert with fairseq's arguments."""
    import torch

    torch.manual_seed(len(code))
    rows, width = len(words_of(pieces)) + 5, 16
    arguments = {
        "encoder_embed_dim": width, "encoder_ffn_embed_dim": 20, "encoder_layers": 1, "encoder_attention_heads": 2,
        "encoder_normalize_before": True, "sentemb_criterion": "cls", "prepend_bos": True, "left_pad_source": True,
        "max_source_positions": 30, "arch": "laser_transformer", "dropout": 0.1, **changes,
    }  # fmt: skip
    layer = "layers.0."
    shapes: dict[str, tuple[int, ...]] = {"embed_tokens": (rows, width), "layer_norm": (width,)}
    shapes |= {f"{layer}self_attn.{part}_proj": (width, width) for part in ("q", "k", "v", "out")}
    shapes |= {f"{layer}{part}": (width,) for part in ("self_attn_layer_norm", "final_layer_norm")}
    shapes |= {f"{layer}fc1": (20, width), f"{layer}fc2": (width, 20)}
    model = {f"{name}.weight": torch.randn(shape) * 0.3 for name, shape in shapes.items()}
    model |= {f"{name}.bias": torch.randn(shape[0]) for name, shape in shapes.items() if name != "embed_tokens"}
    path = folder / f"laser3-{code}.v{version}.pt"
    torch.save({"cfg": {"_name": None, "model": argparse.Namespace(**arguments)}, "model": model, "args": None}, path)
    return path


@pytest.fixture
def laser(tmp_path: Path) -> Callable[..., Path]:
    """``laser(*codes, general=True)``: a folder with LASER2 and experts; ``ber`` has pieces of its own."""

    def make(*codes: str, general: bool = True) -> Path:
        folder = tmp_path / "laser"
        folder.mkdir()
        shared = train_pieces(folder / "laser2.spm")
        if general:
            write_laser2(folder)
        for code in codes:
            own = train_pieces(folder / f"laser3-{code}.v1.spm", size=60) if code.startswith("ber") else shared
            write_laser3(folder, code, own)
        return folder

    return make
