"""Fetching models from a hub: only what is needed, after a look at it, whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.encoders.hub.fake_hub import COMMIT, FakeHub, serving
from xret.encoders import load_encoder
from xret.encoders.checkpoints.stated import Stated
from xret.encoders.hub.fetch import fetch_model, hub_folder
from xret.encoders.hub.pulling import pull_model
from xret.errors import InputError, ModelError, UsageError

pytestmark = pytest.mark.usefixtures("quiet")
TEXTS = ["the old bird", ""]
NAME = "org/tiny"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with serving() as found:
        monkeypatch.setenv("HF_ENDPOINT", found.url)
        for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        yield found


@pytest.fixture
def model(hub: FakeHub, tiny: Callable[..., Path], tmp_path: Path) -> Path:
    """A tiny model on the hub, with all the copies that real ones have."""
    folder = shutil.copytree(tiny("bert"), tmp_path / "hub" / "tiny")
    modules = [{"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"}]
    for place, (kind, config) in enumerate(
        {"Pooling": {"pooling_mode_cls_token": True}, "Dense": {"in_features": 24, "out_features": 5}}.items(), 1
    ):
        path = f"{place}_{kind}"
        modules.append({"idx": place, "path": path, "type": f"sentence_transformers.models.{kind}"})
        (folder / path).mkdir()
        (folder / path / "config.json").write_text(json.dumps(config))
    (folder / "modules.json").write_text(json.dumps(modules))
    from safetensors.numpy import save_file

    random = np.random.default_rng(1)
    dense = {"linear.weight": random.standard_normal((5, 24)), "linear.bias": random.standard_normal(5)}
    save_file({name: value.astype(np.float32) for name, value in dense.items()}, folder / "2_Dense/model.safetensors")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Tiny\n")
    for copy in ("onnx/model.onnx", "onnx/config.json", "openvino/openvino_model.bin", "tf_model.h5", "rust_model.ot",
                 "pytorch_model.bin", "flax_model.msgpack", ".gitattributes", "modeling_own.py"):  # fmt: skip
        (folder / copy).parent.mkdir(exist_ok=True)
        (folder / copy).write_bytes(b"not for us")
    hub.models[NAME] = folder
    return folder


def test_only_what_is_needed_and_the_same_vectors(hub: FakeHub, model: Path) -> None:
    pulled = pull_model(NAME)
    assert pulled.fetched and pulled.graph_bytes > 0
    assert pulled.card.licence == "mit"
    got = hub.fetched()
    assert got.index("config.json") < got.index("model.safetensors")
    assert set(got) == {
        "config.json", "modules.json", "1_Pooling/config.json", "2_Dense/config.json", "README.md", "tokenizer.json",
        "tokenizer_config.json", "model.safetensors", "2_Dense/model.safetensors",
    } | {path.name for path in model.glob("special_tokens_map.json")}  # fmt: skip
    folder = hub_folder(NAME)
    assert not (folder / ".cache").exists() and list(folder.parent.iterdir()) == [folder]
    assert json.loads((folder / "hub.json").read_text()) == {"model": NAME, "commit": COMMIT}
    hub.shutdown()
    encoder = load_encoder(NAME, device="cpu")
    assert encoder.hash == load_encoder(model, device="cpu").hash
    assert np.array_equal(encoder.encode(TEXTS), load_encoder(model, device="cpu").encode(TEXTS))
    assert not pull_model(NAME).fetched


def test_what_is_said_is_kept(hub: FakeHub, model: Path, tmp_path: Path) -> None:
    stated = Stated(prompts=(("query", "blue "),))
    assert pull_model(NAME, stated=stated).card.recipe.prompt("query") == "blue "
    assert load_encoder(NAME, device="cpu").recipe.prompts == (("query", "blue "),)
    pull_model(NAME, stated=Stated(pooling=("mean",)))
    recipe = load_encoder(NAME, device="cpu").recipe
    assert (recipe.pooling, recipe.prompts) == (("mean",), (("query", "blue "),))
    with pytest.raises(UsageError, match="nothing is written into"):
        pull_model(str(model), stated=stated)
    ready = pull_model(str(model), stated=stated, output=tmp_path / "ready")
    assert load_encoder(ready.encoder, device="cpu").recipe.prompts == (("query", "blue "),)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"model_type": "deberta-v2"}, "model_type 'deberta-v2'.*not supported"),
        ({"position_embedding_type": "alibi"}, "alibi"),
        ({"hidden_act": "mish"}, "mish"),
    ],
)
def test_weights_of_what_cannot_be_used_are_not_fetched(
    hub: FakeHub, model: Path, config: dict[str, Any], message: str
) -> None:
    (model / "config.json").write_text(json.dumps(json.loads((model / "config.json").read_text()) | config))
    with pytest.raises(ModelError, match=rf"^{NAME}.*{message}.*\(its weights were not fetched\)$") as error:
        pull_model(NAME)
    assert "\n" not in str(error.value)
    assert not [name for name in hub.fetched() if name.endswith((".safetensors", ".bin"))]
    assert list(hub_folder(NAME).parent.iterdir()) == []


def test_weights_of_another_model_s_tokeniser_are_not_fetched(hub: FakeHub, model: Path) -> None:
    tokenizer = json.loads((model / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["extra"] = len(tokenizer["model"]["vocab"])
    (model / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ModelError, match=r"they belong to different models \(its weights were not fetched\)"):
        pull_model(NAME)
    (model / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"tokenizer\.json: is missing.*\(its weights were not fetched\)"):
        pull_model(NAME)
    assert "model.safetensors" not in hub.fetched()


def test_only_copies_for_other_programs(hub: FakeHub, model: Path) -> None:
    for name in ("model.safetensors", "pytorch_model.bin"):
        (model / name).unlink()
    with pytest.raises(ModelError, match=r"has no model\.safetensors and no pytorch_model\.bin, only .*tf_model\.h5"):
        pull_model(NAME)


def test_sharded_weights(hub: FakeHub, model: Path) -> None:
    from safetensors.numpy import load_file, save_file

    tensors = load_file(model / "model.safetensors")
    before = load_encoder(model, device="cpu").encode(TEXTS)
    (model / "model.safetensors").unlink()
    names = sorted(tensors)
    index: dict[str, str] = {}
    for place, part in enumerate((names[:9], names[9:]), 1):
        file = f"model-0000{place}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, model / file)
        index |= dict.fromkeys(part, file)
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    (model / "pytorch_model.bin").unlink()
    pull_model(NAME)
    assert np.array_equal(load_encoder(NAME, device="cpu").encode(TEXTS), before)


def test_an_interrupted_fetch_goes_on(hub: FakeHub, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 250)
    hub.stops_after["model.safetensors"] = 1000
    with pytest.raises(ModelError, match=r"cannot be fetched from http://127.*run the command again") as error:
        pull_model(NAME)
    assert "\n" not in str(error.value)
    assert not hub_folder(NAME).exists()
    with pytest.raises(ModelError, match="xret models pull org/tiny"):
        load_encoder(NAME)
    hub.stops_after.clear()
    hub.asked.clear()
    pull_model(NAME)
    assert ("GET", "model.safetensors", "bytes=1000-") in hub.asked
    assert (hub_folder(NAME) / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("name", "revision", "message"),
    [
        ("org/none", None, "no such model at http://127"),
        ("org/gated", None, "has to be asked for; accept its conditions at http://127.*/org/gated"),
        (NAME, "v9", "has no such revision"),
        ("org/../x", None, "no such encoder|is no hub id"),
    ],
)
def test_what_the_hub_refuses(hub: FakeHub, model: Path, name: str, revision: str | None, message: str) -> None:
    hub.gated.add("org/gated")
    with pytest.raises((ModelError, UsageError), match=message) as error:
        pull_model(name, revision=revision)
    assert "\n" not in str(error.value)


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelError, match="org/none: cannot be fetched from http://127"):
        fetch_model("org/none")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE forbids"):
        fetch_model("org/none")


def test_full_disk(hub: FakeHub, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: shutil._ntuple_diskusage(10, 5, 5))
    with pytest.raises(InputError, match="GB are free here, org/tiny and its graph need"):
        pull_model(NAME)
    assert "model.safetensors" not in hub.fetched()
    monkeypatch.undo()


def test_tokens_go_along(hub: FakeHub, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    pull_model(NAME)
    assert "Bearer hf_secret" in hub.tokens


def test_an_update_forgets_what_was_fetched_of_another_commit(hub: FakeHub, model: Path) -> None:
    part = hub_folder(NAME).with_name(".org--tiny.part")
    part.mkdir(parents=True)
    (part / "hub.json").write_text(json.dumps({"model": NAME, "commit": "f" * 40}))
    (part / "stale.json").write_text("{}")
    pull_model(NAME)
    assert not (hub_folder(NAME) / "stale.json").exists()


def test_a_damaged_rest_is_not_taken(hub: FakeHub, model: Path) -> None:
    part = hub_folder(NAME).with_name(".org--tiny.part")
    part.mkdir(parents=True)
    (part / "hub.json").write_text(json.dumps({"model": NAME, "commit": COMMIT}))
    (part / "model.safetensors.incomplete").write_bytes(b"x" * 500)
    with pytest.raises(ModelError, match=r"org/tiny/model\.safetensors: did not come whole.*run the command again"):
        pull_model(NAME)
    pull_model(NAME)
    assert (hub_folder(NAME) / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    "file", ["../x.json", "/x.json", "a/../../x.json", "..\\x.json", "C:\\x.json", "\0.json", "a//b.json"]
)
def test_file_names_that_lead_away_are_refused_before_anything_is_fetched(hub: FakeHub, model: Path, file: str) -> None:
    files = [{"rfilename": "config.json"}, {"rfilename": file}]
    hub.listing = json.dumps({"id": NAME, "sha": COMMIT, "siblings": files}).encode()
    with pytest.raises(ModelError, match=r"lists the file '.*', which leads out of its folder") as error:
        pull_model(NAME)
    assert "\n" not in str(error.value) and hub.fetched() == []


@pytest.mark.parametrize(
    "listing", [b"<html>log in</html>", b"[]", b"{}", b'{"sha": null, "siblings": [{"rfilename": "a"}]}']
)
def test_something_else_than_a_hub_answers(hub: FakeHub, model: Path, listing: bytes) -> None:
    hub.listing = listing
    with pytest.raises(
        ModelError, match=r"org/tiny: what http://127.* answers is no list of a model's files \(.*\); see"
    ):
        pull_model(NAME)


def test_a_hub_that_is_out_of_order_for_a_while(hub: FakeHub, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("xret.encoders.hub.transfer.time.sleep", waits.append)
    hub.out_of_order["model.safetensors"] = 2
    pull_model(NAME)
    assert (hub_folder(NAME) / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()
    assert waits == [1, 4]


def test_a_shard_that_the_hub_lacks(hub: FakeHub, model: Path) -> None:
    (model / "model.safetensors").rename(model / "model-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match=r"lacks model-00002-of-00002\.safetensors.*\(its weights were not fetched\)"):
        pull_model(NAME)
    assert list(hub_folder(NAME).parent.iterdir()) == []


def test_a_cache_and_a_token_that_cannot_be(
    hub: FakeHub, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_\u00fc")
    with pytest.raises(UsageError, match="HF_TOKEN"):
        pull_model(NAME)
    (tmp_path / "file").touch()
    monkeypatch.setenv("XRET_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"cannot write here .*set XRET_CACHE"):
        pull_model(NAME)


def test_a_file_that_is_listed_and_not_there(hub: FakeHub, model: Path) -> None:
    files = [{"rfilename": name} for name in ("config.json", "gone.json")]
    hub.listing = json.dumps({"id": NAME, "sha": COMMIT, "siblings": files}).encode()
    with pytest.raises(ModelError, match="lists a file that it does not have"):
        pull_model(NAME)
