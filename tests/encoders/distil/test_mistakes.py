"""What cannot be trained is refused in one line, before anything is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")

import xret.encoders.distil.train as training
from tests.encoders.distil.conftest import Toy
from tests.encoders.distil.test_students import options, run
from xret.encoders import load_encoder
from xret.encoders.distil.checkpoint import load_checkpoint
from xret.encoders.distil.config import read_config
from xret.encoders.distil.objectives import regression
from xret.errors import CorpusError, DeviceError, MismatchError, ModelError, UsageError, XretError

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize("student", ["static", "hybrid", "transformer"])
def test_a_student_of_another_width_is_refused_where_nothing_may_stand_between(
    student: str, toy: Toy, teacher: str, tmp_path: Path
) -> None:
    with pytest.raises(
        MismatchError, match=r"the student gives vectors of 48 values, the teacher .* of 384; leave out"
    ):
        run(toy(count=60), options(teacher, student, project=False, steps=1), tmp_path)
    assert not (tmp_path / "model").exists()


def test_init_of_another_space_family_or_kind(toy: Toy, teacher: str, tmp_path: Path) -> None:
    pairs = toy(count=60)
    small = run(pairs, options(teacher, "static", steps=1), tmp_path, "small")
    other = options(str(small.folder), "hybrid", init=teacher, steps=1)
    with pytest.raises(ModelError, match="take student = transformer to adapt this one"):
        run(pairs, other, tmp_path)
    with pytest.raises(ModelError, match="none"):
        run(pairs, options(teacher, "static", init=str(tmp_path / "none"), steps=1), tmp_path)
    hybrid = run(pairs, options(teacher, "hybrid", steps=1), tmp_path, "hybrid")
    with pytest.raises(ModelError, match="is a hybrid; take student = hybrid"):
        run(pairs, options(teacher, "static", init=str(hybrid.folder), steps=1), tmp_path)
    with pytest.raises(UsageError, match="hidden_size 48 must be a multiple"):
        run(pairs, options(teacher, "hybrid", heads=5, steps=1), tmp_path)


def test_a_language_without_pairs_is_named_before_anything_is_done(toy: Toy, teacher: str, tmp_path: Path) -> None:
    settings = options(teacher, "static", languages=("eo", "chr"), steps=1)
    with pytest.raises(CorpusError, match=r"eo\.parquet: no pairs in chr; drop these languages or add pairs"):
        run(toy(count=60), settings, tmp_path)
    assert not list((tmp_path / "work").glob("*"))


def test_a_tokeniser_that_knows_nothing_of_a_language(toy: Toy, teacher: str, tmp_path: Path) -> None:
    known = run(toy(), options(teacher, "static", steps=1), tmp_path, "known")
    script = toy("chr", letters="ᎠᎡᎢᎣᎤᎦᎨᎩ")
    table = pq.read_table(script)
    only = ["".join(c for c in text if c == " " or not c.isascii()) + "." for text in table["text"].to_pylist()]
    pq.write_table(table.set_column(1, "text", pa.array(only)), script)
    settings = options(teacher, "hybrid", init=str(known.folder), steps=1)
    with pytest.raises(CorpusError, match="'chr': the tokeniser reads 100% of its words as unknown; fit one"):
        run(script, settings, tmp_path)


@pytest.mark.parametrize("student", ["static", "hybrid", "transformer"])
def test_a_loss_that_is_no_number_leaves_the_checkpoint(
    student: str, toy: Toy, teacher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, pairs = options(teacher, student, steps=10, eval_every=4), toy(count=60)
    calls = iter([*[regression] * 9, *[lambda *_: float("nan")] * 99])
    monkeypatch.setattr(training, "regression", lambda *sides: next(calls)(*sides))  # a step asks twice
    with pytest.raises(XretError, match=r"^step 4: the loss is nan; lower learning_rate") as raised:
        run(pairs, settings, tmp_path)
    assert "\n" not in str(raised.value)
    (checkpoint,) = (tmp_path / "work").glob("checkpoint-*")
    from safetensors import safe_open

    with safe_open(str(checkpoint), framework="pt") as stream:
        key = stream.metadata()["key"]
    loaded = load_checkpoint(checkpoint, key=key)
    assert loaded is not None and loaded[1]["step"] == "4"
    assert all(tensor.isfinite().all() for tensor in loaded[0].values())
    monkeypatch.undo()
    run(pairs, settings, tmp_path)


def test_early_stopping_and_what_an_interruption_says(
    toy: Toy, teacher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings = options(teacher, "static", steps=400, eval_every=5, patience=2, learning_rate=0.0)
    values = iter([0.9, 0.8, 0.7, 0.6, 0.5])
    monkeypatch.setattr(training, "dev_accuracy", lambda *_, **__: next(values))
    with caplog.at_level("INFO", "xret"):
        run(toy(count=60), settings, tmp_path)
    assert "no progress in 2 evaluations: stopped at step 15" in caplog.text
    step = training._Run.step

    def stop(self: training._Run, number: int) -> float:
        if number == 8:
            raise KeyboardInterrupt
        return step(self, number)

    monkeypatch.setattr(training._Run, "step", stop)
    with pytest.raises(KeyboardInterrupt):
        run(toy(count=60), options(teacher, "static", steps=9, eval_every=5), tmp_path, "other")
    assert "interrupted at step 8; the same command goes on from step 5" in caplog.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"student": "recurrent"}, "student = 'recurrent'; wanted static, hybrid or transformer"),
        ({"precision": "fp8"}, "precision = 'fp8'"),
        ({"hard_share": 1.5}, "hard_share = 1.5; wanted a share"),
        ({"dims": [128, "all"]}, "dims: 'all' is no width"),
        ({"project": "no"}, "project = 'no' is no bool"),
        ({"steps": True}, "steps = True is no int"),
    ],
)
def test_options_that_cannot_be(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_config(None, changes)


def test_what_does_not_go_together(toy: Toy, teacher: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a static student sees no context"):
        run(toy(count=60), options(teacher, "static", masked_weight=1.0), tmp_path)
    with pytest.raises(DeviceError, match="device 'cuda:77'"):
        run(toy(count=60), options(teacher, "static", device="cuda:77", steps=1), tmp_path)


def test_romanised_students_say_so(toy: Toy, teacher: str, tmp_path: Path) -> None:
    pytest.importorskip("uroman")
    settings = options(teacher, "static", romanise=("Grek",), steps=120, init="", eval_every=120)
    made = run(toy("el", letters="βγδζκλμν"), settings, tmp_path)
    encoder = load_encoder(made.folder, device="cpu", threads=1)
    assert encoder.recipe.romanise is not None and made.dev_accuracy > 0.8
    assert not set("βγδζκλμν") & set((made.folder / "tokenizer.json").read_text("utf-8"))
