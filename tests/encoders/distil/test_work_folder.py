"""What a run keeps: what is damaged is named, what is stale is not used, a full disk is told in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")

import torch
from safetensors import SafetensorError

import xret.encoders.distil.train as training
from tests.encoders.distil.conftest import Toy
from tests.encoders.distil.test_students import options, run
from xret.encoders.checkpoints.expert_making import make_experts
from xret.encoders.distil.checkpoint import load_checkpoint, save_checkpoint
from xret.encoders.distil.static import StaticStudent
from xret.errors import InputError, ModelError, UsageError, XretError

pytestmark = pytest.mark.usefixtures("quiet")


def test_damaged_files_are_named(toy: Toy, teacher: str, tmp_path: Path) -> None:
    settings, pairs = options(teacher, "static", steps=2, hard_share=0.5), toy(count=60)
    run(pairs, settings, tmp_path)
    (tmp_path / "work").rename(tmp_path / "whole")
    files = [path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*.*") if path.is_file()]
    assert len(files) > 12
    for file in files:
        shutil.copytree(tmp_path / "whole", tmp_path / "work")
        broken = tmp_path / "work" / file
        broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
        with pytest.raises(InputError, match=broken.name) as raised:
            run(pairs, settings, tmp_path, "other")
        assert "\n" not in str(raised.value) and not (tmp_path / "other").exists()
        shutil.rmtree(tmp_path / "work")


def test_a_model_made_anew_under_its_old_name_is_not_mistaken_for_the_old_one(
    toy: Toy, teacher: str, tmp_path: Path
) -> None:
    pairs = toy(count=60)
    first, second = (run(pairs, options(teacher, "static", steps=2, seed=n), tmp_path, f"m{n}") for n in (1, 2))
    shutil.copytree(first.folder, tmp_path / "init")
    settings = options(teacher, "static", init=str(tmp_path / "init"), steps=2)
    run(pairs, settings, tmp_path, "one")
    shutil.rmtree(tmp_path / "init")
    shutil.copytree(second.folder, tmp_path / "init")
    run(pairs, settings, tmp_path, "two")
    one, two = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two"))
    assert one != two


def test_a_full_disk_leaves_the_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "c.safetensors"
    save_checkpoint(target, {"a": torch.ones(2)}, {"key": "one", "step": "3"})

    def full(*_: object, **__: object) -> None:
        raise SafetensorError("Error while serializing: No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(InputError, match=r"c\.safetensors: writing failed .*No space left on device"):
        save_checkpoint(target, {"a": torch.zeros(2)}, {"key": "one", "step": "4"})
    loaded = load_checkpoint(target, key="one")
    assert loaded is not None and loaded[1]["step"] == "3"
    assert [path.name for path in tmp_path.iterdir()] == ["c.safetensors"]


def test_parameters_that_are_no_numbers_are_not_kept(
    toy: Toy, teacher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss of the last step before a checkpoint may still be a number."""
    update = StaticStudent.update

    def spoil(self: StaticStudent, share: float, step: int) -> None:
        update(self, share, step)
        if step == 8:
            self.words.table[5] = float("nan")

    monkeypatch.setattr(StaticStudent, "update", spoil)
    with pytest.raises(XretError, match="parameters are no longer numbers"):
        run(toy(count=60), options(teacher, "static", steps=8, eval_every=4), tmp_path)
    monkeypatch.undo()
    step, taken = training._Run.step, []

    def counted(self: training._Run, number: int) -> float:
        taken.append(number)
        return step(self, number)

    monkeypatch.setattr(training._Run, "step", counted)
    run(toy(count=60), options(teacher, "static", steps=8, eval_every=4), tmp_path)
    assert taken == [4, 5, 6, 7]


def test_what_the_folder_says_of_itself(toy: Toy, teacher: str, tmp_path: Path) -> None:
    made = run(toy(count=300), options(teacher, "static", steps=4), tmp_path)
    told = {name: json.loads((made.folder / f"{name}.json").read_text("utf-8")) for name in ("languages", "quality")}
    assert told["languages"] == {"main": ["en", "eo"], "others": []}
    assert told["quality"][f"accuracy on {made.held_out} held-out pairs"] == round(100 * made.dev_accuracy, 1)
    few = run(toy(count=3), options(teacher, "static", steps=2, dev_pairs=0), tmp_path, "few")
    assert few.held_out == 0 and not (few.folder / "quality.json").exists()
    assert "nan" not in (few.folder / "README.md").read_text("utf-8")


def test_models_that_cannot_be_begun_with(toy: Toy, teacher: str, tmp_path: Path) -> None:
    pairs = toy(count=60)
    with pytest.raises(UsageError, match="dims: 4096 is more than the 384 values"):
        run(pairs, options(teacher, "static", dims=(384, 4096)), tmp_path)
    with pytest.raises(UsageError, match=r"vocab_size = 100: no tokeniser can be fitted \(The vocabulary is not large"):
        letters = "".join(chr(0x4E00 + i) for i in range(300))
        run(toy("zh", letters=letters), options(teacher, "static", vocab_size=100), tmp_path)
    made = run(pairs, options(teacher, "static", steps=2), tmp_path)
    with pytest.raises(UsageError, match=r"hidden_size = 64: .* has 48 and keeps them; leave the option out"):
        run(pairs, options(teacher, "hybrid", init=str(made.folder), hidden_size=64), tmp_path, "next")
    make_experts(tmp_path / "family", general=made.folder, experts=[(["chr"], made.folder)])
    with pytest.raises(ModelError, match="family: holds several encoders; name the folder of one"):
        run(pairs, options(teacher, "static", init=str(tmp_path / "family")), tmp_path, "next")
    (made.folder / "tokenizer.json").write_text('{"version": ', encoding="utf-8")
    with pytest.raises(ModelError, match=r"tokenizer\.json: cannot be read as a tokeniser"):
        run(pairs, options(teacher, "static", init=str(made.folder)), tmp_path, "next")
    (made.folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"tokenizer\.json: is missing"):
        run(pairs, options(teacher, "static", init=str(made.folder)), tmp_path, "next")
