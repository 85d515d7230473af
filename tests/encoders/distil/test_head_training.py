"""A token head, trained: what it learns, that it goes on after an interruption, and what the folder holds."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")

import torch
from safetensors import safe_open
from safetensors.torch import load_file

from tests.encoders.distil.head_model import OUT, texts, write_model, write_pairs, write_questions
from xret.encoders import load_encoder
from xret.encoders.distil.config import DistilConfig, read_config
from xret.encoders.distil.distillation import distil
from xret.encoders.distil.token_head.head import MaxSimHead
from xret.encoders.distil.token_head.making import HeadMade, make_token_head
from xret.encoders.distil.token_head.options import HeadConfig, data_config, read_head_config
from xret.encoders.distil.token_head.train import HeadRun
from xret.encoders.distil.token_head.trunk import open_trunk
from xret.encoders.trimming.trim import trim_model
from xret.errors import InputError, MismatchError, XretError
from xret.stages.maxsim import maxsim_texts

pytestmark = pytest.mark.usefixtures("quiet")


def options(**changes: Any) -> HeadConfig:
    settings: dict[str, Any] = {
        "size": 10, "inner": 16, "document_tokens": 20, "fade": 6.0, "steps": 8, "batch_size": 16, "eval_every": 3,
        "warmup_steps": 4, "device": "cpu", "precision": "float32",
    }  # fmt: skip
    return HeadConfig(**{**settings, **changes})


def run(
    folder: Path, head: HeadConfig, data: DistilConfig | None = None, *, name: str = "out", **more: Any
) -> HeadMade:
    model = folder / "model"
    if not model.exists():
        write_model(model)
    pairs = write_pairs(folder / "pairs.parquet")
    out, work = folder / name, folder / "work"
    return make_token_head(more.pop("model", model), [pairs], head, data, out=out, work=work, threads=1, **more)


def accuracy(folder: Path) -> float:
    """How many of 150 new texts have their translation as the nearest by MaxSim."""
    encoder = load_encoder(folder, device="cpu", threads=1)
    documents, queries = texts(150, seed=4)
    places = np.divmod(np.arange(150 * 150), 150)
    found = maxsim_texts(encoder, queries, documents, places).reshape(150, 150)
    return float((found.argmax(1) == np.arange(150)).mean())


def test_where_words_decide_it_finds_what_the_untrained_head_does_not(tmp_path: Path) -> None:
    before = run(tmp_path, options(steps=1, learning_rate=0.0), name="before")
    after = run(tmp_path, options(steps=120, batch_size=32, learning_rate=1e-2, eval_every=60), name="after")
    assert before.before == before.accuracy == after.before < after.accuracy
    plain, trained = accuracy(before.folder), accuracy(after.folder)
    assert plain < 0.75 and trained > 0.9, (plain, trained)
    texts_of = texts(20, seed=5)[0]
    one, two = (load_encoder(folder, device="cpu").encode(texts_of) for folder in (tmp_path / "model", after.folder))
    assert np.array_equal(one, two)


def test_an_interrupted_run_goes_on_to_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    questions, step = write_questions(tmp_path / "questions.parquet"), HeadRun.step
    data = DistilConfig(questions=(str(questions),), document_sources=("manual",), document_rows=4, hard_neighbours=5)
    head = options(hard_share=0.5, precision="bfloat16")
    write_model(tmp_path / "model")
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model").symlink_to(tmp_path / "model")
    monkeypatch.chdir(tmp_path / "whole")
    run(Path(), head, data)

    def stop(self: HeadRun, number: int) -> float | None:
        if number == 7:
            raise KeyboardInterrupt
        return step(self, number)

    monkeypatch.chdir(tmp_path / "broken")
    monkeypatch.setattr(HeadRun, "step", stop)
    with pytest.raises(KeyboardInterrupt):
        run(Path(), head, data)
    assert not Path("out").exists()
    taken: list[int] = []

    def counted(self: HeadRun, number: int) -> float | None:
        taken.append(number)
        return step(self, number)

    monkeypatch.setattr(HeadRun, "step", counted)
    run(Path(), head, data)
    assert taken == [6, 7]
    files = sorted(path.relative_to("out") for path in Path("out").rglob("*") if path.is_file())
    assert len(files) == 6
    for file in files:
        assert (Path("out") / file).read_bytes() == (tmp_path / "whole" / "out" / file).read_bytes(), file


def test_the_folder_is_the_model_and_the_head(tmp_path: Path) -> None:
    made = run(tmp_path, options())
    old, new = tmp_path / "model", made.folder
    for name in ("tokenizer.json", "extra/notes.bin"):
        assert (old / name).read_bytes() == (new / name).read_bytes()
    config = json.loads((old / "config.json").read_text())
    rules = {"size": 10, "inner": 16, "document_tokens": 20, "fade": 6.0}
    assert json.loads((new / "config.json").read_text()) == {**config, "token_head": rules}
    before, after = load_file(old / "model.safetensors"), load_file(new / "model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)
    with safe_open(str(new / "model.safetensors"), framework="pt") as stream:
        assert stream.metadata() == {"made": "by a test"}
    head = {name: after[name] for name in after.keys() - before.keys()}
    kinds = {name: str(tensor.dtype).removeprefix("torch.") for name, tensor in head.items()}
    assert kinds.pop("token_head.scalars") == "float32" and set(kinds.values()) == {"float16"} and len(kinds) == 5
    assert (new / "README.md").read_text().startswith("# tiny\n\nA model.\n\n## Token vectors\n\nFor MaxSim: 10 values")
    assert json.loads((new / "training.json").read_text())["token_head"]["steps"] == 8
    again, data = read_head_config(new / "training.json", {}, {})
    assert (again, data, read_config(new / "training.json", {})) == (options(), DistilConfig(), DistilConfig())


def test_what_onnx_gives_is_what_was_trained(tmp_path: Path) -> None:
    made = run(tmp_path, options(learning_rate=1e-2))
    tensors = load_file(made.folder / "model.safetensors")
    trunk, settings = open_trunk(made.folder, size=10, replace=True), options()
    student = trunk.student(data_config(DistilConfig(), settings, model=trunk.name, romanise=()))
    projection = student.parts["projection"].weight
    head = MaxSimHead(projection, size=10, inner=16, decay=student.position_decay, temperature=0.03, seed=9)
    head.load_tensors(tensors)
    assert all(torch.equal(tensor, tensors[name]) for name, tensor in head.tensors().items())
    given = [*texts(5, seed=6)[0], texts(1, seed=7)[1][0].split()[0]]
    encoder = load_encoder(made.folder, device="cpu", threads=1)
    ids = [[encoder_ids(trunk.folder)[word] for word in text.split()] for text in given]
    lengths = np.asarray([len(each) for each in ids])
    with torch.no_grad():
        sets = head(*student.tokens(np.concatenate(ids), lengths, exact=True), lengths)
    asked, found = (encoder.encode_tokens(given, role=role) for role in ("query", "document"))
    vectors, weights = (part.split((lengths + 1).tolist()) for part in (sets.vectors, sets.weights))
    for at in range(len(given)):
        assert np.abs(found[at] - vectors[at].numpy()).max() < 2e-6
        scaled = vectors[at] * (weights[at] / weights[at].mean())[:, None]
        assert np.abs(asked[at] - scaled.numpy()).max() < 1e-5


def encoder_ids(folder: Path) -> dict[str, int]:
    found: dict[str, int] = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    return found


def test_another_head_in_its_place(tmp_path: Path) -> None:
    first = run(tmp_path, options(), name="first")
    (first.folder / "onnx").mkdir()
    (first.folder / "onnx" / "old").write_bytes(b"a graph of the old head")
    second = run(tmp_path, options(size=6), name="second", model=first.folder, replace=True)
    assert load_file(second.folder / "model.safetensors")["token_head.direct.weight"].shape[0] == 5
    assert (second.folder / "README.md").read_text().count("## Token vectors") == 1
    assert load_encoder(second.folder, device="cpu").token_dim == 6
    graphs = {path.relative_to(second.folder).as_posix() for path in (second.folder / "onnx").rglob("*.onnx")}
    assert "onnx/fp32/model.onnx" in graphs and not (second.folder / "onnx" / "old").exists()


def test_going_on_from_a_model_with_a_head_leaves_the_head_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = run(tmp_path, options())
    name = str(made.folder)
    config = DistilConfig(
        teacher=name, student="hybrid", init=name, steps=1, batch_size=16, device="cpu", dev_pairs=5, graphs=False
    )
    with caplog.at_level(logging.WARNING, "xret"):
        student = distil([tmp_path / "pairs.parquet"], config, out=tmp_path / "on", work=tmp_path / "w", threads=1)
    assert f"{name}: its token head is left out" in caplog.text
    assert "token_head" not in json.loads((student.folder / "config.json").read_text())
    assert load_encoder(student.folder, device="cpu").token_dim == OUT


def test_trimming_keeps_the_head(tmp_path: Path) -> None:
    made = run(tmp_path, options())
    used = texts(10, seed=8)[0]
    (tmp_path / "used.txt").write_text("\n".join(used))
    trimmed = trim_model(made.folder, tmp_path / "small", [tmp_path / "used.txt"], lang="en", threads=1)
    assert trimmed.vocabulary < trimmed.vocabulary_before
    one, two = (load_encoder(folder, device="cpu", threads=1) for folder in (made.folder, tmp_path / "small"))
    for role in ("query", "document"):
        pairs = zip(one.encode_tokens(used, role=role), two.encode_tokens(used, role=role), strict=True)
        assert all(np.array_equal(*pair) for pair in pairs)


def test_a_loss_or_a_head_that_is_no_number_leaves_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = HeadRun.step

    def spoil(self: HeadRun, number: int) -> float | None:
        loss = step(self, number)
        if number == 3:
            self.head.scalars.data[1] = float("nan")
        return loss

    monkeypatch.setattr(HeadRun, "step", spoil)
    with pytest.raises(XretError, match=r"^step 4: the loss is nan; lower learning_rate"):
        run(tmp_path, options())
    with pytest.raises(XretError, match="parameters are no longer numbers"):
        run(tmp_path, options(eval_every=4))
    monkeypatch.undo()
    (checkpoint, *_) = sorted((tmp_path / "work").glob("head-*"))
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[:90])
    with pytest.raises(InputError, match="broken checkpoint"):
        run(tmp_path, options())
    made = run(tmp_path, options(seed=1), name="seeded")
    other = next(path for path in (tmp_path / "work").glob("head-*") if path != checkpoint)
    checkpoint.write_bytes(other.read_bytes())
    with pytest.raises(MismatchError, match="made with other options or data"):
        run(tmp_path, options())
    assert made.folder.exists() and not (tmp_path / "out").exists()
