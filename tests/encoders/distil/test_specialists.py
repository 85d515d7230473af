"""Students of one language each, in the space of one teacher (LASER3): put together, each is better at its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")

from tests.encoders.distil.conftest import Toy, toy_table
from tests.encoders.distil.test_students import options, run
from xret.encoders import load_encoder
from xret.encoders.checkpoints.expert_making import add_experts, make_experts


def accuracy(folder: Path, lang: str, letters: str) -> float:
    rows = toy_table(lang, letters=letters).slice(0, 200)
    encoder = load_encoder(folder, device="cpu", threads=1)
    texts = encoder.encode(rows["text"].to_pylist(), lang=[lang] * 200)
    english = encoder.encode(rows["en"].to_pylist(), lang=["en"] * 200)
    return float(((texts @ english.T).argmax(1) == np.arange(200)).mean())


def test_a_related_start_and_a_language_more(toy: Toy, teacher: str, tmp_path: Path) -> None:
    plain, odd = "bdfgklmnprstvz", "ᎠᎡᎢᎣᎤᎦᎨᎩ"
    general = run(toy("eo"), options(teacher, "static", languages=("eo",)), tmp_path, "general")
    make_experts(tmp_path / "family", general=general.folder, experts=[(["ia"], general.folder)])
    before = accuracy(tmp_path / "family", "chr", odd)
    texts = toy_table("eo")["text"].to_pylist()
    old = load_encoder(tmp_path / "family", device="cpu").encode(texts, lang=["eo"] * len(texts))
    new = options(teacher, "static", init=str(general.folder), tokeniser="fit", languages=("chr",), steps=120)
    expert = run(toy("chr", letters=odd), new, tmp_path, "expert")
    add_experts(tmp_path / "family", experts=[(["chr"], expert.folder)])
    again = load_encoder(tmp_path / "family", device="cpu").encode(texts, lang=["eo"] * len(texts))
    assert again.tobytes() == old.tobytes()
    assert before < 0.1 and accuracy(tmp_path / "family", "chr", odd) > 0.6  # against English of the general model
    assert accuracy(tmp_path / "family", "eo", plain) > 0.9
