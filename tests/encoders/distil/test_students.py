"""Every kind of student: it learns an invented language, goes on after an interruption, and is an encoder like any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")

import torch

import xret.encoders.distil.train as training
from tests.encoders.distil.conftest import Toy, foreign
from xret.encoders import load_encoder
from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.distillation import Distilled, distil

pytestmark = pytest.mark.usefixtures("quiet")
SMALL: dict[str, dict[str, Any]] = {
    "static": {"learning_rate": 0.05},
    "hybrid": {"learning_rate": 0.05, "dense_learning_rate": 2e-3, "layers": 1, "heads": 2},
    "transformer": {"dense_learning_rate": 3e-3, "layers": 1, "heads": 2, "dropout": 0.1, "graphs": False},
}
TEXTS = ["the old teacher buys fresh bread", "my sister sees the moon", "nobody"]


def options(teacher: str, student: str, **changes: Any) -> DistilConfig:
    settings: dict[str, Any] = {
        "teacher": teacher, "student": student, "vocab_size": 400, "chars_per_language": 100_000, "hidden_size": 48,
        "batch_size": 64, "steps": 240, "warmup_steps": 20, "eval_every": 60, "dev_pairs": 25, "position_decay": 8,
        "device": "cpu", "max_tokens": 32, **SMALL[student],
    }  # fmt: skip
    return DistilConfig(**{**settings, **changes})


def run(pairs: Path, settings: DistilConfig, folder: Path, name: str = "model") -> Distilled:
    return distil([pairs], settings, out=folder / name, work=folder / "work", threads=1)


@pytest.mark.parametrize("student", ["hybrid", "transformer"])
def test_it_learns_and_is_an_encoder_like_any_other(student: str, toy: Toy, teacher: str, tmp_path: Path) -> None:
    made = run(toy(), options(teacher, student), tmp_path)
    assert made.dev_accuracy > 0.85  # unseen sentences; untrained vectors stay near 1 in 25
    assert made.drift > 0.995
    encoder, english = load_encoder(made.folder, device="cpu", threads=1), load_encoder(teacher, device="cpu")
    texts = TEXTS[:2]
    cosines = encoder.encode([foreign(text) for text in texts]) @ english.encode(texts).T
    if student == "transformer":
        theirs = pytest.importorskip("sentence_transformers").SentenceTransformer(str(made.folder), device="cpu")
        assert np.abs(theirs.encode(texts) - encoder.encode(texts)).max() < 1e-4
    assert cosines.diagonal().min() > 0.5 and (cosines.diagonal() > cosines[::-1].diagonal() + 0.3).all()


@pytest.mark.parametrize("student", ["hybrid", "transformer"])
@pytest.mark.parametrize("masked", [0.0, 0.2])
def test_an_interrupted_run_goes_on_to_the_same_bytes(
    student: str, masked: float, toy: Toy, teacher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = options(teacher, student, steps=24, eval_every=8, masked_weight=masked)
    pairs, step = toy(count=200), training._Run.step
    run(pairs, settings, tmp_path / "whole")

    def stop(self: training._Run, number: int) -> float:
        if number == 19:
            raise KeyboardInterrupt
        return step(self, number)

    monkeypatch.setattr(training._Run, "step", stop)
    with pytest.raises(KeyboardInterrupt):
        run(pairs, settings, tmp_path / "broken")
    monkeypatch.setattr(training._Run, "step", step)
    run(pairs, settings, tmp_path / "broken")
    whole = {path.relative_to(tmp_path / "whole"): path for path in (tmp_path / "whole" / "model").rglob("*")}
    assert len(whole) > 5
    for name, path in whole.items():
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "broken" / name).read_bytes(), name


def test_a_hybrids_vectors_are_those_of_its_graph(toy: Toy, teacher: str, tmp_path: Path) -> None:
    from xret.encoders.distil.hybrid import HybridStudent
    from xret.encoders.distil.starts import start_from

    settings = options(teacher, "hybrid", steps=30, layers=2)
    made = run(toy(count=200), settings, tmp_path)
    encoder = load_encoder(made.folder, device="cpu", threads=1)
    student = HybridStudent(start_from(made.folder), settings, torch.device("cpu"))
    tokens = [encoder_ids(made.folder, text) for text in TEXTS]
    with torch.no_grad():
        found = student.encode(np.concatenate(tokens), np.asarray([len(ids) for ids in tokens]), exact=True)
    assert np.abs(found.numpy() - encoder.encode(TEXTS)).max() < 1e-5


def encoder_ids(folder: Path, text: str) -> np.ndarray:
    from tokenizers import Tokenizer

    return np.asarray(Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids, np.int64)


def test_nested_widths_make_the_first_values_alone_worth_more(toy: Toy, teacher: str, tmp_path: Path) -> None:
    pairs = toy()
    rows = pq.read_table(pairs).slice(0, 300)
    english, texts, worth = rows["en"].to_pylist(), rows["text"].to_pylist(), {}
    for dims in ((), (8,)):
        made = run(pairs, options(teacher, "static", dims=dims, steps=120, seed=2), tmp_path / str(len(dims)))
        encoder = load_encoder(made.folder, device="cpu", threads=1)
        right = (encoder.encode(texts, dim=8) @ encoder.encode(english, dim=8).T).argmax(1) == np.arange(len(texts))
        worth[dims] = right.mean()
    assert worth[(8,)] > worth[()] + 0.1
