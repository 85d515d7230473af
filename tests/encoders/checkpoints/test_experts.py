"""A folder of encoders, of which a text's language chooses one."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from xret.encoders import encode_corpus, load_encoder
from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
Made = Callable[..., Path]
TEXTS = ["the old bird", "a river runs under a stone house", "", "blue stone", "green"]
LANG = ["de", "en", "de-AT", "ja", "xx"]


@pytest.fixture
def family(static: Made, tmp_path: Path) -> Path:
    """Two students for three languages."""
    folder = tmp_path / "family"
    for number, name in enumerate(("german", "others")):
        shutil.copytree(static(position_decay=8 * number), folder / name)
    experts = {"de": "german", "en": "others", "ja": "others"}
    (folder / "experts.json").write_text(json.dumps({"experts": experts, "default": "en"}))
    return folder


def test_texts_go_to_the_expert_of_their_language(family: Path, caplog: pytest.LogCaptureFixture) -> None:
    german, others = (load_encoder(family / name, device="cpu", threads=1) for name in ("german", "others"))
    encoder = load_encoder(family, device="cpu", threads=1)
    with caplog.at_level(logging.WARNING):
        found, losses = encoder.encode_counted(TEXTS, lang=LANG)
    assert dict(losses.unknown) == {"xx": 1}
    assert "does not know the language 'xx'; such texts are encoded as 'en'" in caplog.text
    for row, tag in enumerate(LANG):
        expert = german if tag.startswith("de") else others
        assert np.array_equal(found[row], expert.encode(TEXTS[row : row + 1])[0])
        tokens = encoder.encode_tokens(TEXTS[row : row + 1], lang=[tag])[0]
        assert np.array_equal(tokens, expert.encode_tokens(TEXTS[row : row + 1])[0])
    assert encoder.hash not in (german.hash, others.hash)


def test_passages_are_cut_in_the_tokens_of_the_expert(family: Path) -> None:
    german, others = (load_encoder(family / name, device="cpu", threads=1) for name in ("german", "others"))
    encoder = load_encoder(family, device="cpu", threads=1)
    encoder.batch(8)
    found = encoder.passages(TEXTS, lang=LANG, window=3, overlap=1)
    for row, tag in enumerate(LANG):
        expert = german if tag.startswith("de") else others
        own = [text for text, owner in zip(found.texts, found.owner, strict=True) if owner == row]
        assert own == expert.passages([TEXTS[row]], window=3, overlap=1).texts
    assert found.owner.tolist() == [0, 1, 1, 1, 2, 3, 4]


def test_a_corpus_says_how_many_texts_took_the_default(family: Path, tmp_path: Path) -> None:
    corpus = pa.table({"id": list("abcde"), "text": [*TEXTS[:2], "old", *TEXTS[3:]], "lang": LANG})
    vectors = encode_corpus(corpus, tmp_path / "v", encoder=load_encoder(family, device="cpu", threads=1))
    assert [shard["unknown_lang"] for shard in vectors.manifest["shards"]] == [1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "wanted"),
        ('{"experts": {}}', "wanted"),
        ('{"experts": {"de": "../german"}}', "leads out of the folder"),
        ('{"experts": {"de": "nowhere"}}', "names the folder 'nowhere', which is not there"),
        ('{"experts": {"de": "german"}, "default": "fr"}', "default language 'fr'"),
    ],
)
def test_broken_families(family: Path, content: str, message: str) -> None:
    (family / "experts.json").write_text(content)
    with pytest.raises(ModelError, match=message):
        load_encoder(family, device="cpu")


def test_experts_share_one_width(static: Made, family: Path) -> None:
    shutil.rmtree(family / "others")
    shutil.copytree(static(out=7), family / "others")
    encoder = load_encoder(family, device="cpu", threads=1)
    with pytest.raises(ModelError, match=r"'others' gives vectors of 7 values, 'german' of 5"):
        encoder.encode(["old bird"], lang=["ja"])
