"""Which end of a long text is cut: the one that the checkpoint's tokeniser says, against transformers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.crossencoders.pairs import PairTokenizer
from xret.encoders.load import identify, open_reader
from xret.encoders.multivector.reader import MultiVectorReader
from xret.encoders.reading.tokenizer import TextTokenizer
from xret.encoders.recipe import MultiVector, Role
from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
TEXTS = ["the old bird sees a river", "bird", "", "the stone runs " * 20]


@pytest.fixture
def left(tiny: Callable[..., Path], tmp_path: Path) -> Path:
    """A tiny BERT whose texts lose their beginning."""
    from tokenizers import Tokenizer

    folder = shutil.copytree(tiny("bert"), tmp_path / "left")
    path = folder / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(9, direction="left")
    tokenizer.save(str(path))
    return folder


def settle(folder: Path, **settings: Any) -> dict[str, Any]:
    path = folder / "tokenizer_config.json"
    settled = {**json.loads(path.read_text()), **settings}
    path.write_text(json.dumps(settled))
    return settled


@pytest.mark.parametrize("settings", [{}, {"truncation_side": "left"}, {"truncation_side": "right"}], ids=str)
def test_the_end_that_transformers_cuts(left: Path, settings: dict[str, Any]) -> None:
    from transformers import AutoTokenizer

    settle(left, **settings)
    oracle = AutoTokenizer.from_pretrained(left)
    tokens = open_reader(open_checkpoint(left), threads=1)(TEXTS)
    rows = [
        tokens.ids[start : start + count].tolist() for start, count in zip(tokens.starts, tokens.lengths, strict=True)
    ]
    assert rows == oracle(TEXTS, truncation=True, max_length=32)["input_ids"]
    assert (tokens.cut, tokens.lost) == (1, 60 - 30)
    pairs = PairTokenizer(left / "tokenizer.json", max_length=12, settings=settings).pairs(TEXTS[::-1], TEXTS).tokens
    rows = [pairs.ids[start : start + count].tolist() for start, count in zip(pairs.starts, pairs.lengths, strict=True)]
    assert rows == oracle(TEXTS[::-1], TEXTS, truncation="longest_first", max_length=12)["input_ids"]


def test_both_lengths_of_a_multi_vector_model(left: Path) -> None:
    from transformers import AutoTokenizer

    settings = settle(left, truncation_side="left")
    oracle = AutoTokenizer.from_pretrained(left)
    policy = MultiVector(projections=(), query_length=5, document_length=8)
    reader = MultiVectorReader(left / "tokenizer.json", policy, settings=settings, threads=1)
    lengths: tuple[tuple[Role, int], ...] = (("query", 5), ("document", 8), ("query", 5))
    for role, length in lengths:
        wanted = oracle(TEXTS[0], truncation=True, max_length=length)["input_ids"]
        assert reader(TEXTS[:1], role=role).ids.tolist() == wanted


def test_the_side_is_part_of_the_hash(left: Path) -> None:
    hashes = []
    for side in (None, "left", "right"):
        settle(left, truncation_side=side)
        hashes.append(identify(left))
    assert hashes[2] not in hashes[:2]
    with pytest.raises(ModelError, match="'truncation_side' is 'middle', wanted 'right' or 'left'"):
        TextTokenizer(left / "tokenizer.json", max_length=8, settings=settle(left, truncation_side="middle"))
