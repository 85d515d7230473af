"""Every kind of model becomes a ready folder: told languages, token vectors, pairs of texts."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.encoders.adapting.conftest import sentences, translation
from tests.encoders.builders.test_m2m100 import LANGUAGES, sonar
from tests.encoders.conftest import transformer_folder, write_static
from tests.encoders.crossencoders.conftest import classifier as classifier
from tests.encoders.crossencoders.test_crossencoder import DOCUMENTS, QUERIES
from tests.encoders.hub.fake_hub import serving
from tests.encoders.multivector.conftest import stanford
from xret.encoders import load_encoder
from xret.encoders.adapting.adaptation import adapt
from xret.encoders.adapting.examples import Sources
from xret.encoders.adapting.plan import Plan
from xret.encoders.checkpoints.export import export_model
from xret.encoders.checkpoints.stated import Stated
from xret.encoders.crossencoders.reranker import load_reranker
from xret.encoders.hub.pulling import pull_model
from xret.encoders.load import identify
from xret.errors import ModelError, UsageError

pytestmark = pytest.mark.usefixtures("quiet")
TEXTS, LANG = ["the old bird", "a river", "stone", ""], ["de", "fr", "en", "fr"]
CODES = ["en_XX", "de_DE", "fr_XX", "sw_KE"]


@pytest.fixture
def xmod(tmp_path: Path) -> Path:
    return transformer_folder(tmp_path / "xmod", "xmod", languages=CODES, default_language="en_XX", **XLMR)


XLMR = {"pad_token_id": 1, "max_position_embeddings": 34, "type_vocab_size": 1}


def test_adapters_of_chosen_languages(xmod: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    whole = load_encoder(xmod, device="cpu", threads=1)
    vectors = whole.encode(TEXTS, lang=LANG)
    model, tokenizer = AutoModel.from_pretrained(xmod).eval(), AutoTokenizer.from_pretrained(xmod)
    for text, code, mine in zip(TEXTS, [1, 2, 0, 2], vectors, strict=True):
        with torch.no_grad():
            hidden = model(input_ids=torch.tensor([tokenizer(text)["input_ids"]]), lang_ids=torch.tensor([code]))[0][0]
        assert np.abs((hidden.mean(0) / hidden.mean(0).norm()).numpy() - mine).max() <= 1e-5
    pulled = pull_model(str(xmod), output=tmp_path / "some", stated=Stated(languages=("fr", "de")))
    assert pulled.card.recipe.languages is not None
    assert pulled.card.recipe.languages.codes == ("de_DE", "fr_XX")
    assert pulled.graph_bytes < pull_model(str(xmod), output=tmp_path / "all").graph_bytes
    some = load_encoder(tmp_path / "some", device="cpu", threads=1)
    assert some.hash != whole.hash
    assert np.array_equal(some.encode(TEXTS[:2], lang=LANG[:2]), whole.encode(TEXTS[:2], lang=LANG[:2]))
    with pytest.raises(ModelError, match=r"has no adapter for ja; it has en_XX de_DE"):
        export_model(xmod, tmp_path / "none", stated=Stated(languages=("de", "ja")))


def test_sonar_is_told_the_language(tmp_path: Path) -> None:
    import torch

    model, tokenizer = sonar(tmp_path / "m")
    ready = pull_model(str(tmp_path / "m"), output=tmp_path / "ready").encoder
    shutil.rmtree(tmp_path / "m")
    encoder = load_encoder(ready, device="cpu", threads=1)
    texts = ["the bird", "", "bird the the"]
    vectors = encoder.encode(texts, lang=LANGUAGES[:3])
    for text, language, mine in zip(texts, LANGUAGES, vectors, strict=False):
        tokenizer.src_lang = language
        with torch.no_grad():
            mean = model(**tokenizer(text, truncation=True, return_tensors="pt")).last_hidden_state[0].mean(0)
        assert np.abs((mean / mean.norm()).numpy() - mine).max() <= 1e-5


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_colbert(tmp_path: Path, kind: str) -> None:
    stanford(tmp_path / "m", kind)
    theirs = load_encoder(tmp_path / "m", device="cpu", threads=1)
    pulled = pull_model(str(tmp_path / "m"), output=tmp_path / "ready")
    assert pulled.card.recipe.multi_vector == theirs.recipe.multi_vector
    mine = load_encoder(tmp_path / "ready", device="cpu", threads=1)
    assert mine.hash == theirs.hash
    for role in ("query", "document"):
        for one, other in zip(
            mine.encode_tokens(TEXTS, role=role), theirs.encode_tokens(TEXTS, role=role), strict=True
        ):
            assert np.array_equal(one, other)


def test_cross_encoders(classifier: Callable[..., Path], tmp_path: Path) -> None:
    folder = classifier("xlm-roberta")
    wanted = load_reranker(folder, device="cpu", threads=1).score(QUERIES, DOCUMENTS)
    assert pull_model(str(folder)).graph_bytes > 0
    ready = pull_model(str(folder), output=tmp_path / "ready").encoder
    assert np.array_equal(load_reranker(ready, device="cpu", threads=1).score(QUERIES, DOCUMENTS), wanted)


@pytest.mark.parametrize("kind", ["adapted", "colbert", "cross-encoder", "sonar", "xmod"])
def test_fetched_from_a_hub(
    kind: str, classifier: Callable[..., Path], xmod: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = xmod
    if kind == "colbert":
        stanford(folder := tmp_path / "m", "xlm-roberta")
    elif kind == "sonar":
        sonar(folder := tmp_path / "m")
    elif kind == "cross-encoder":
        folder = classifier("bert")
    elif kind == "adapted":
        rows = [f"{text}\t{translation(text, 'de')}\tde" for text in sentences(60)]
        (tmp_path / "pairs.tsv").write_text("\n".join(rows), encoding="utf-8")
        told = Sources(pairs=[tmp_path / "pairs.tsv"])
        adapt(write_static(tmp_path / "m"), Plan(centre=True), told, out=(folder := tmp_path / "new"), device="cpu")
    with serving() as hub:
        hub.models["org/model"] = folder
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        pulled = pull_model("org/model")
    assert pulled.fetched
    assert pulled.card.hash == identify(folder) == identify("org/model")


def test_what_is_there_has_no_revision(xmod: Path) -> None:
    with pytest.raises(UsageError, match="is on disk"):
        pull_model(str(xmod), revision="v1")
