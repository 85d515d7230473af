"""Token heads that cannot be trained are refused in one line, before anything is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")

from tests.encoders.distil.head_model import OUT, write_model, write_pairs
from xret.encoders.checkpoints.expert_making import make_experts
from xret.encoders.checkpoints.export import export_model
from xret.encoders.distil.token_head.making import make_token_head
from xret.encoders.distil.token_head.options import HeadConfig, read_head_config
from xret.errors import CorpusError, DeviceError, InputError, ModelError, UsageError, XretError

pytestmark = pytest.mark.usefixtures("quiet")


def refused(folder: Path, kind: type[XretError], **changes: Any) -> str:
    """What is said; nothing may be made."""
    model, pairs, out = (changes.pop(name, folder / name) for name in ("model", "pairs", "out"))
    head = HeadConfig(**{"size": 8, "inner": 4, "steps": 1, "batch_size": 4, "device": "cpu", **changes})
    before = made(folder)
    with pytest.raises(kind) as raised:
        make_token_head(model, [pairs], head, out=out, work=folder / "work", threads=1)
    assert "\n" not in str(raised.value)
    assert made(folder) == before
    return str(raised.value)


def made(folder: Path) -> list[Path]:
    """All files and folders but the work folder's."""
    return [path for path in sorted(folder.rglob("*")) if folder / "work" not in (path, *path.parents)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_model(tmp_path / "model")
    write_pairs(tmp_path / "pairs", 40)
    (tmp_path / "pairs").rename(tmp_path / "pairs.parquet")
    (tmp_path / "pairs").symlink_to("pairs.parquet")
    return tmp_path


def test_models_that_have_no_place_for_a_head(folder: Path) -> None:
    assert "leave out ':int8'" in refused(folder, ModelError, model=f"{folder}/model:int8")
    export_model(folder / "model", folder / "ready")
    assert "is a ready folder" in refused(folder, ModelError, model=folder / "ready")
    make_experts(folder / "family", general=folder / "model", experts=[(["chr"], folder / "model")])
    assert "holds several encoders" in refused(folder, ModelError, model=folder / "family")
    assert "no such encoder" in refused(folder, ModelError, model=folder / "none")
    weights = folder / "model" / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    assert "model.safetensors cannot be read" in refused(folder, ModelError)
    weights.unlink()
    assert "model.safetensors cannot be read" in refused(folder, ModelError)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model_type": "xret-static"}, "is no hybrid model but 'xret-static'; token heads are for those"),
        ({"model_type": "bert"}, "is no hybrid model but 'bert'"),
        ({"token_head": {"size": 4, "inner": 4}}, "has a token head already; give --replace"),
    ],
)
def test_other_kinds_and_models_that_have_one(folder: Path, changes: dict[str, Any], said: str) -> None:
    path = folder / "model" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    assert said in refused(folder, ModelError)


def test_sizes_places_and_devices(folder: Path) -> None:
    said = f"size = {OUT}: {folder}/model gives vectors of {OUT} values; wanted fewer than these"
    assert refused(folder, UsageError, size=OUT) == said
    assert "inner = 0; wanted 1 or more" in refused(folder, UsageError, inner=0)
    assert "cloze_share = 2; wanted a share" in refused(folder, UsageError, cloze_share=2)
    assert "temperature = 0" in refused(folder, UsageError, temperature=0)
    assert "fade = nan" in refused(folder, UsageError, fade=float("nan"))
    assert "precision = 'fp8'" in refused(folder, UsageError, precision="fp8")
    assert "device 'cuda:77'" in refused(folder, DeviceError, device="cuda:77")
    assert "exists already" in refused(folder, InputError, out=folder / "model")
    assert "lies inside the model" in refused(folder, InputError, out=folder / "model" / "new")


def test_pairs_that_are_none(folder: Path) -> None:
    table = pq.read_table(folder / "pairs.parquet")
    pq.write_table(table.drop_columns(["text"]), folder / "one-sided.parquet")
    assert "text" in refused(folder, CorpusError, pairs=folder / "one-sided.parquet")
    empty = table.set_column(1, "text", pa.array([""] * len(table)))
    pq.write_table(empty, folder / "empty.parquet")
    assert "is empty in every row; wanted translations" in refused(folder, CorpusError, pairs=folder / "empty.parquet")
    pq.write_table(table.slice(0, 1), folder / "single.parquet")
    assert "one pair is left to train on" in refused(folder, CorpusError, pairs=folder / "single.parquet")
    assert "gone.parquet" in refused(folder, CorpusError, pairs=folder / "gone.parquet")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("token_head = 3", "token_head is no table of options"),
        ("[token_head]\ndata = 3", "token_head is no table of options"),
        ("[token_head]\nwidth = 3", r"unknown option token_head.width; known: batch_size"),
        ("[token_head]\nsteps = 'many'", "steps = 'many' is no int"),
        ("[token_head]\nsize = 1", "size = 1; wanted 2 or more"),
        ("[token_head.data]\nwidth = 3", "unknown option 'width'"),
        ("speed = 3", "unknown option 'speed'"),
    ],
)
def test_recipes_that_cannot_be(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "recipe.toml").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_head_config(tmp_path / "recipe.toml", {}, {})
