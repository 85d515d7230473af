"""Ready folders: the vectors and the hash of the checkpoint they were made from, and nothing taken on trust."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xret.encoders import load_encoder
from xret.encoders.card import read_card
from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.checkpoints.export import export_model
from xret.encoders.checkpoints.ready import seal
from xret.encoders.checkpoints.stated import Stated
from xret.encoders.load import identify
from xret.encoders.reading.languages import Languages
from xret.encoders.recipe import Dense, MultiVector, Normalize, Recipe, Scores, Sparse
from xret.errors import InputError, ModelError

pytestmark = pytest.mark.usefixtures("quiet")
TEXTS = ["the old bird sees a river", "", "stone " * 50]
DENSE = Dense(folder="2_Dense", in_features=3, out_features=2, bias=True, activation="tanh")


@pytest.fixture
def source(tiny: Callable[..., Path], tmp_path: Path) -> Path:
    folder = shutil.copytree(tiny("xlm-roberta"), tmp_path / "source")
    (folder / "config_sentence_transformers.json").write_text('{"prompts": {"query": "blue "}, "truncate_dim": 10}')
    (folder / "README.md").write_text("---\nlicense: mit\nlanguage: [de, en]\n---\n")
    return folder


@pytest.mark.parametrize("precision", ["", ":int8"])
def test_a_ready_folder_is_the_same_encoder(source: Path, tmp_path: Path, precision: str) -> None:
    ready = export_model(f"{source}{precision}", tmp_path / "ready")
    theirs = load_encoder(f"{source}{precision}", device="cpu", threads=1)
    shutil.rmtree(source)
    mine = load_encoder(ready, device="cpu", threads=1)
    assert (mine.hash, mine.recipe, mine.precision) == (theirs.hash, theirs.recipe, theirs.precision)
    assert identify(ready) == theirs.hash
    for role in ("query", None):
        assert np.array_equal(mine.encode(TEXTS, role=role), theirs.encode(TEXTS, role=role))
        for one, other in zip(mine.encode_tokens(TEXTS), theirs.encode_tokens(TEXTS), strict=True):
            assert np.array_equal(one, other)
    card = read_card(ready)
    assert (card.licence, card.languages, card.sources["dim"]) == (
        "mit", ("de", "en"), "config_sentence_transformers.json",
    )  # fmt: skip
    assert card.precisions == (("int8",) if precision else ("fp32", "bf16"))


def test_static_models_have_two_graphs(static: Callable[..., Path], tmp_path: Path) -> None:
    theirs = load_encoder(folder := static(), device="cpu", threads=1)
    mine = load_encoder(export_model(folder, tmp_path / "ready"), device="cpu", threads=1)
    assert np.array_equal(mine.encode(TEXTS), theirs.encode(TEXTS))
    for one, other in zip(
        mine.encode_tokens(TEXTS, role="query"), theirs.encode_tokens(TEXTS, role="query"), strict=True
    ):
        assert np.array_equal(one, other)


def test_what_was_said_is_in_it(source: Path, tmp_path: Path) -> None:
    ready = export_model(source, tmp_path / "ready", stated=Stated(pooling=("cls",), prompts=(("document", "old "),)))
    checkpoint = open_checkpoint(ready)
    assert checkpoint.recipe.prompts == (("query", "blue "), ("document", "old "))
    assert checkpoint.sources["pooling"] == "given"
    assert checkpoint.identity("fp32") != open_checkpoint(source).identity("fp32")
    with pytest.raises(ModelError, match="is a ready folder, and its recipe is settled"):
        open_checkpoint(ready, Stated(pooling=("mean",)))
    with pytest.raises(ModelError, match="is a ready folder already; copy it"):
        export_model(ready, tmp_path / "again")
    with pytest.raises(InputError, match="exists already"):
        export_model(source, ready)


def test_neither_onnx_nor_weights_nor_torch_are_needed(source: Path, tmp_path: Path) -> None:
    ready = export_model(source, tmp_path / "ready")
    assert not [
        path for path in ready.rglob("*") if path.suffix in (".safetensors", ".bin") or path.name == "config.json"
    ]
    code = (
        "import sys; sys.modules.update(onnx=None, torch=None, transformers=None, huggingface_hub=None)\n"
        "from xret import load_encoder\n"
        f"print(load_encoder({str(ready)!r}, device='cpu').encode(['old']).shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(1, 10)", done.stderr


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_damage_is_found(source: Path, tmp_path: Path, name: str) -> None:
    ready = export_model(source, tmp_path / "ready")
    data = (ready / name).read_bytes()
    (ready / name).write_bytes(data[:-9] + b"x" + data[-8:])
    with pytest.raises(ModelError, match=rf"{name}: is damaged"):
        load_encoder(ready, device="cpu")
    (ready / name).unlink()
    with pytest.raises(ModelError, match=rf"{name}: is missing; copy the whole folder"):
        load_encoder(ready, device="cpu")


def test_changes_by_hand_and_newer_formats(source: Path, tmp_path: Path) -> None:
    path = export_model(source, tmp_path / "ready") / "recipe.json"
    fields: dict[str, Any] = json.loads(path.read_text())
    assert fields["versions"]["xret"] and set(fields["checkpoint"]) == {
        "config.json", "model.safetensors", "tokenizer.json",
    }  # fmt: skip

    def refused(message: str, **changes: Any) -> None:
        changed = fields | changes
        path.write_text(json.dumps(changed if "seal" in changes else changed | {"seal": seal(changed)}))
        with pytest.raises(ModelError, match=message) as error:
            load_encoder(path.parent, device="cpu")
        assert "\n" not in str(error.value)

    refused("was changed after it was written", name="x", seal=fields["seal"])
    refused("has format 99, this xret reads up to 1; install a newer xret", format=99)
    refused("has format None", format=None)
    refused("recipe: Recipe has the unknown field 'zeal'", recipe=fields["recipe"] | {"zeal": 1})
    refused("recipe: Recipe.dim is '9', wanted int", recipe=fields["recipe"] | {"dim": "9"})
    refused("is malformed", graphs=[{"file": 3}])
    refused("is malformed", files=None)
    refused("holds no graph for", graphs=[])
    refused("model_type 'none' in config.json is not supported", config={"model_type": "none"})
    path.write_text("{")
    with pytest.raises(ModelError, match="broken JSON"):
        load_encoder(path.parent, device="cpu")


def test_other_precisions(source: Path, tmp_path: Path) -> None:
    ready = export_model(source, tmp_path / "ready")
    assert identify(f"{ready}:bf16") == identify(ready)  # the engine lowers the same graph
    with pytest.raises(ModelError, match="holds fp32 graphs, asked for int8; leave out ':int8'"):
        identify(f"{ready}:int8")
    with pytest.raises(ModelError, match="bf16 has no graph of its own"):
        export_model(f"{source}:bf16", tmp_path / "other")


def test_every_recipe_comes_back_from_json() -> None:
    recipe = Recipe(
        family="xmod", pooling=("cls", "mean"), heads=(DENSE, Normalize(folder="3_Normalize")), max_length=9,
        token_dim=3, dim=2, prompts=(("query", "q: "),), languages=Languages(("de", "en"), "en", "adapter"),
        tasks=(("query", "retrieval"),), include_prompt=False, similarity="dot",
        multi_vector=MultiVector(projections=(DENSE,), query_length=32, document_length=180, skip=(1, 2), padding=1),
        sparse=Sparse(head=DENSE, ignored=(0, 2)), scores=Scores(layers=(DENSE,), epsilon=1),
    )  # fmt: skip
    back = Recipe.from_fields(json.loads(json.dumps(recipe.fields())))
    assert back == recipe and back.essence() == recipe.essence()
    plain = Recipe(family="bert", pooling=("mean",), heads=(), max_length=9, token_dim=3, dim=3)
    assert set(plain.essence()) == {"family", "pooling", "heads", "max_length", "token_dim", "dim"}
