"""Pairs in languages made of the tiny models' words: each says a sentence's words, and a word of its own besides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.encoders.conftest import WORDS

OWN = {"de": "and or", "fr": "slowly the"}  # what every text in a language says, too
Pairs = Callable[..., Path]


def sentences(count: int, seed: int = 0) -> list[str]:
    random = np.random.default_rng(seed)
    return list(dict.fromkeys(" ".join(random.choice(WORDS[2:16], 5, replace=False)) for _ in range(count)))


def translation(sentence: str, lang: str) -> str:
    return " ".join([*sentence.split()[::-1], *[OWN[lang]] * 2])


@pytest.fixture
def pairs(tmp_path: Path) -> Pairs:
    """``pairs(name, count, seed)``: a TSV of as many pairs in each of the languages."""

    def write(name: str = "pairs.tsv", count: int = 200, seed: int = 0) -> Path:
        lines = [f"{one}\t{translation(one, lang)}\t{lang}" for lang in OWN for one in sentences(count, seed)]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        return tmp_path / name

    return write
