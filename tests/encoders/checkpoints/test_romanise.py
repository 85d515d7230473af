"""Encoders whose recipe romanises: English words in Georgian and Armenian letters, read as in Latin ones."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.encoders.builders.test_m2m100 import sonar
from tests.encoders.multivector.conftest import stanford
from xret.encoders import load_encoder
from xret.encoders.card import read_card
from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.checkpoints.export import export_model
from xret.encoders.checkpoints.stated import Stated
from xret.encoders.load import identify
from xret.errors import MissingExtraError, ModelError

Made = Callable[..., Path]
LATIN = ["old bird runs", "a stone", "", "bird and blue river", "old " * 80]
FOREIGN = ["ოლდ ბირდ runs", "ა სტონე", "", "բիրդ and blue րիվեր", "ოლდ " * 80]


@pytest.fixture
def uroman() -> Any:
    return pytest.importorskip("uroman", reason="the `romanise` extra (uroman) is not installed")


def state(folder: Path, **content: Any) -> Path:
    (folder / "xret.json").write_text(json.dumps(content))
    return folder


@pytest.mark.usefixtures("uroman")
@pytest.mark.parametrize("stated", ["all", ["Geor", "Armn"], "unseen", ["ka"]])
def test_vectors_are_those_of_the_latin_text(static: Made, stated: str | list[str]) -> None:
    folder = static()
    plain = load_encoder(folder, device="cpu", threads=1)
    wanted, cut = plain.encode_counted(LATIN)
    tokens, before = plain.encode_tokens(LATIN, role="query"), plain.hash
    encoder = load_encoder(state(folder, romanise=stated), device="cpu", threads=1)
    found, losses = encoder.encode_counted(FOREIGN, lang=["ka"] * len(FOREIGN))
    assert np.array_equal(found, wanted)
    assert losses.cut == cut.cut == 1 and losses.lost == cut.lost
    for mine, theirs in zip(encoder.encode_tokens(FOREIGN, role="query", lang=["ka"] * 5), tokens, strict=True):
        assert np.array_equal(mine, theirs)
    assert encoder.hash == identify(folder) != before
    card = read_card(folder)
    assert card.sources["romanise"] == "given" and card.recipe.romanise == encoder.recipe.romanise
    load_encoder(state(folder, romanise="none"), device="cpu", threads=1)
    assert identify(folder) == before


@pytest.mark.usefixtures("uroman")
def test_a_ready_folder_romanises_and_keeps_the_hash(static: Made, tmp_path: Path) -> None:
    source, ready = static(romanise=["Geor", "beside"]), tmp_path / "ready"
    assert open_checkpoint(source).sources["romanise"] == "config.json"
    export_model(source, ready)
    made, own = (load_encoder(folder, device="cpu", threads=1) for folder in (ready, source))
    assert made.hash == own.hash and made.recipe == own.recipe
    found = made.encode(FOREIGN[:3])
    assert np.array_equal(found, own.encode(FOREIGN[:3]))
    export_model(source, tmp_path / "other", stated=Stated(romanise=("unseen",)))
    known = read_card(tmp_path / "other").recipe.romanise
    assert known is not None and known.known == ("Latn",)  # settled when it was exported
    assert identify(tmp_path / "other") != made.hash
    plain = load_encoder(state(source, romanise="none"), device="cpu", threads=1)
    assert np.array_equal(found, plain.encode(["ოლდ ბირდ runs old bird runs", "ა სტონე a stone", ""]))


@pytest.mark.usefixtures("uroman", "quiet")
def test_prompts_and_transformers(tiny: Made, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    export_model(tiny("bert"), folder, stated=Stated(romanise=("Geor",), prompts=(("query", "the "),)))
    encoder = load_encoder(folder, device="cpu", threads=1)
    assert np.array_equal(encoder.encode(["ოლდ ბირდ"], role="query"), encoder.encode(["the old bird"]))


@pytest.mark.usefixtures("uroman", "quiet")
def test_multi_vector_models_and_those_told_a_language(tmp_path: Path) -> None:
    stanford(tmp_path / "colbert", "bert")
    sonar(tmp_path / "sonar")
    for name, lang in (("colbert", None), ("sonar", ["ka_Geor"])):
        plain = load_encoder(tmp_path / name, device="cpu", threads=1)
        encoder = load_encoder(state(tmp_path / name, romanise="unseen"), device="cpu", threads=1)
        for role in ("query", "document"):
            mine = encoder.encode_tokens(["თჰე ბირდ"], role=role, lang=lang)[0]
            assert np.array_equal(mine, plain.encode_tokens(["the bird"], role=role, lang=lang)[0])
            assert len(mine) and not np.array_equal(mine, plain.encode_tokens(["თჰე ბირდ"], role=role, lang=lang)[0])


@pytest.mark.usefixtures("uroman", "quiet")
def test_experts_romanise_on_their_own(static: Made, tmp_path: Path) -> None:
    family = tmp_path / "family"
    source = static()
    for name, stated in (("own", ["ka"]), ("others", ["none"])):
        (family / name).mkdir(parents=True)
        for path in source.iterdir():
            (family / name / path.name).write_bytes(path.read_bytes())
        state(family / name, romanise=stated)
    (family / "experts.json").write_text(json.dumps({"experts": {"ka": "own", "en": "others"}, "default": "en"}))
    encoder, plain = (load_encoder(folder, device="cpu", threads=1) for folder in (family, source))
    found = encoder.encode(["ოლდ ბირდ", "ოლდ ბირდ", "old bird"], lang=["ka", "en", "en"])
    assert np.array_equal(found, plain.encode(["old bird", "ოლდ ბირდ", "old bird"]))
    assert np.array_equal(encoder.encode_tokens(["ბირდ"], lang=["ka"])[0], plain.encode_tokens(["bird"])[0])
    with pytest.raises(ModelError, match=r"xret.json: the folder holds several encoders; put it into the folder of"):
        load_encoder(state(family, romanise=["ka"]), device="cpu")


@pytest.mark.parametrize(("content", "message"), [(3, "wanted a list"), (["Foo"], "'Foo' is not"), ([1], "wanted str")])
def test_bad_statements(static: Made, content: Any, message: str) -> None:
    with pytest.raises(ModelError, match=rf"xret.json: .*{message}"):
        open_checkpoint(state(static(), romanise=content))


@pytest.mark.parametrize(("content", "message"), [(3, "wanted a list"), (["Foo"], "'Foo' is not"), ([1], "wanted a")])
def test_bad_configurations(static: Made, content: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        open_checkpoint(static(romanise=content))


def test_without_uroman_it_is_shown_but_not_loaded(static: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = static(romanise=["Cher"])
    monkeypatch.setitem(sys.modules, "uroman", None)
    assert str(read_card(folder).recipe.romanise) == "letters of Cher (uroman 1.3.1)"
    with pytest.raises(MissingExtraError, match=r"pip install 'xret\[romanise\]'"):
        load_encoder(folder, device="cpu")
