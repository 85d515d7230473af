"""What students begin as: a static model, a model of another tokeniser, a checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")

from tests.encoders.distil.conftest import Toy, foreign
from tests.encoders.distil.test_students import TEXTS, options, run
from xret.encoders import load_encoder

pytestmark = pytest.mark.usefixtures("quiet")


def test_a_hybrid_begins_as_the_static_student_it_is_made_from(toy: Toy, teacher: str, tmp_path: Path) -> None:
    pairs = toy()
    static = run(pairs, options(teacher, "static", steps=60), tmp_path, "static")
    settings = options(
        teacher,
        "hybrid",
        init=str(static.folder),
        steps=1,
        learning_rate=0.0,
        dense_learning_rate=0.0,
        weight_decay=0.0,
    )
    hybrid = run(pairs, settings, tmp_path, "hybrid")
    texts = [foreign(text) for text in TEXTS]
    before, after = (load_encoder(made.folder, device="cpu", threads=1).encode(texts) for made in (static, hybrid))
    assert (before * after).sum(1).min() > 0.9999  # its table is rounded once more


@pytest.mark.parametrize("student", ["static", "hybrid"])
def test_tables_grow_with_a_tokeniser_for_a_new_script(student: str, toy: Toy, teacher: str, tmp_path: Path) -> None:
    made = run(toy(count=300), options(teacher, student, steps=80), tmp_path, "first")
    new = toy("chr", letters="ᎠᎡᎢᎣᎤᎦᎨᎩ")
    settings = options(teacher, student, init=str(made.folder), tokeniser="fit", steps=120)
    assert run(new, settings, tmp_path, "second").dev_accuracy > 0.8


def test_a_checkpoint_is_adapted_with_its_own_tokeniser_and_pooling(toy: Toy, teacher: str, tmp_path: Path) -> None:
    """The English teacher itself learns the invented language."""
    settings = options(teacher, "transformer", init=teacher, steps=12, eval_every=12, dense_learning_rate=2e-4,
                       batch_size=16, precision="float32", graphs=True, dropout=0.0)  # fmt: skip
    made = run(toy(count=120), settings, tmp_path)
    before, after = (load_encoder(name, device="cpu", threads=1) for name in (teacher, made.folder))
    assert after.recipe.pooling == before.recipe.pooling and after.recipe.max_length == before.recipe.max_length
    texts = [foreign(text) for text in TEXTS[:2]]
    wanted = before.encode(TEXTS[:2])
    gain = (after.encode(texts) * wanted).sum(1) - (before.encode(texts) * wanted).sum(1)
    assert gain.min() > 0.1 and made.drift > 0.98
    assert sorted(path.name for path in (made.folder / "onnx").iterdir()) == ["fp16", "fp32", "int8"]
    sentence = pytest.importorskip("sentence_transformers").SentenceTransformer(str(made.folder), device="cpu")
    assert np.abs(sentence.encode(texts) - after.encode(texts)).max() < 1e-4
