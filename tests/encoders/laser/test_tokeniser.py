"""Ids against LASER's preparation, told again step by step."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sacremoses import MosesPunctNormalizer

from xret.encoders.laser.settings import read_words
from xret.encoders.laser.tokeniser import LaserTokenizer
from xret.errors import InputError, ModelError

TEXTS = [
    "Kalo mine!", "", " ", "„Tura“ — ‚ma‘ ‘né’ l’né …", "a\tb\nc\u200bd\x00e\u00ade", "(ka) , lo ;\u00a03 % ''mi''",
    "KALO ИДА ÉÉ", "\u3000ka\u00a0lo\u2003mi", "未知 🙂 unknown", "<s> </s> <unk> <pad>", "ka " * 60,
    "«\u00a0ka\u00a0»",
]  # fmt: skip


@pytest.fixture
def pieces(laser: Callable[..., Path]) -> Path:
    return laser(general=False) / "laser2.spm"


def restated(pieces: Path, text: str, *, prepend: bool = False) -> list[int]:
    """What LASER's own tokeniser and encoder do with a text, one after the other."""
    printable = "".join(" " if unicodedata.category(char).startswith("C") else char for char in text)
    moses = MosesPunctNormalizer("en", perl_parity=True)
    moses.substitutions[21:23] = [("‘", '"'), ("‚", '"')]
    lowered = moses.normalize(printable).lower()
    names = sentencepiece.SentencePieceProcessor(model_file=str(pieces)).encode(lowered, out_type=str)
    words = read_words(pieces.with_suffix(".cvocab"))
    return [0] * prepend + [words.get(name, 3) for name in " ".join(names).split()] + [2]


@pytest.mark.parametrize("prepend", [False, True])
def test_ids(prepend: bool, pieces: Path) -> None:
    reader = LaserTokenizer(pieces, read_words(pieces.with_suffix(".cvocab")), max_length=1000, prepend=prepend)
    tokens = reader(TEXTS, kept=True)
    wanted = [restated(pieces, text, prepend=prepend) for text in TEXTS]
    assert tokens.cut == 0
    assert np.split(tokens.ids, tokens.starts[1:])[3].tolist() == wanted[3]
    assert tokens.ids.tolist() == [word for row in wanted for word in row]
    assert tokens.lengths.tolist() == [len(row) for row in wanted]
    for row, ids in enumerate(wanted):
        assert tokens.kept_of(row).tolist() == [False] * prepend + [True] * (len(ids) - 1 - prepend) + [False]
    assert 3 in wanted[8]
    assert reader.size == 81


def test_ids_are_not_those_of_sentencepiece(pieces: Path) -> None:
    own = sentencepiece.SentencePieceProcessor(model_file=str(pieces))
    words = read_words(pieces.with_suffix(".cvocab"))
    assert any(words.get(own.id_to_piece(at), at) != at for at in range(3, own.get_piece_size()))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("ka«»“”‘’‚„()…— \u00a0%3;:'`´\r")))
def test_any_text(text: str, pieces: Path) -> None:
    reader = LaserTokenizer(pieces, read_words(pieces.with_suffix(".cvocab")), max_length=10_000, threads=1)
    assert reader([text]).ids.tolist() == restated(pieces, text)


def test_long_texts_are_cut(pieces: Path) -> None:
    words: dict[str, Any] = read_words(pieces.with_suffix(".cvocab"))
    whole = restated(pieces, "kalo mine tura", prepend=True)
    fits = LaserTokenizer(pieces, words, max_length=len(whole), prepend=True)(["kalo mine tura"])
    assert (fits.ids.tolist(), fits.cut) == (whole, 0)
    short = LaserTokenizer(pieces, words, max_length=len(whole) - 1, prepend=True)(["kalo mine tura", ""])
    assert (short.ids.tolist(), short.cut) == ([*whole[:-2], 2, 0, 2], 1)
    huge = LaserTokenizer(pieces, words, max_length=50)(["kalo ние " * 100_000])
    assert (huge.lengths.tolist(), huge.cut) == ([50], 1)


def test_no_texts_and_no_text(pieces: Path) -> None:
    reader = LaserTokenizer(pieces, read_words(pieces.with_suffix(".cvocab")), max_length=9)
    assert reader([], kept=True).ids.shape == (0,)
    with pytest.raises(InputError, match=r"text 1, character 2: a lone surrogate U\+D800"):
        reader(["ka", "ka\ud800"])


def test_other_files(pieces: Path) -> None:
    for content in (b"", b"nothing of the kind"):
        pieces.write_bytes(content)
        with pytest.raises(ModelError, match=r"laser2\.spm: cannot be read as a SentencePiece model") as error:
            LaserTokenizer(pieces, {"a": 4}, max_length=9)
        assert "\n" not in str(error.value)
