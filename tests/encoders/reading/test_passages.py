"""Texts cut into windows of tokens: nothing is lost, nothing longer than asked for, and what fits stays whole."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xret.encoders import load_encoder
from xret.encoders.reading.passages import check_window, cut_passages, first_passages, window_ranges
from xret.errors import ModelError, UsageError


@given(st.integers(0, 60), st.integers(1, 20), st.none() | st.integers(0, 25))
def test_ranges(length: int, window: int, overlap: int | None) -> None:
    ranges = window_ranges(length, window, overlap)
    assert ranges[0][0] == 0 and ranges[-1][1] == length
    assert all(stop - start == min(window, length) or (start, stop) == ranges[-1] for start, stop in ranges)
    shared = min(window // 2 if overlap is None else overlap, window - 1)
    for (_, stop), (start, after) in pairwise(ranges):
        assert stop - start == shared and after > stop
    assert (len(ranges) == 1) == (length <= window)


def test_passages_of_texts() -> None:
    texts = ["ab cd  ef gh", "", "x"]
    spans = [np.array([[0, 2], [3, 5], [7, 9], [10, 12]]), np.empty((0, 2), np.int64), np.array([[0, 1]])]
    cut = cut_passages(texts, spans, window=2, overlap=1)
    assert cut.texts == ["ab cd", "cd  ef", "ef gh", "", "x"]
    assert cut.owner.tolist() == [0, 0, 0, 1, 2]
    first = first_passages(cut)
    assert first.texts == ["ab cd", "", "x"] and first.owner.tolist() == [0, 1, 2]
    assert cut_passages(texts, spans, window=4, overlap=None).texts == texts


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_an_encoders_passages(tiny: Callable[..., Path], kind: str, caplog: pytest.LogCaptureFixture) -> None:
    encoder = load_encoder(tiny(kind), device="cpu", threads=1)
    random = np.random.default_rng(1)
    texts = [" ".join(random.choice(["river", "stone", "zzz", "house"], n)) for n in (0, 5, 30, 31, 200)]
    cut = encoder.passages(texts, overlap=0)  # 32 tokens, two of them special
    assert [int((cut.owner == row).sum()) for row in range(5)] == [1, 1, 1, 2, 7]
    assert [" ".join(cut.texts[at] for at in np.flatnonzero(cut.owner == row)) for row in range(5)] == texts
    encoder.encode_tokens(cut.texts)
    assert not caplog.records  # none was cut
    assert len(encoder.passages(texts[4:], window=1000).texts) == 13  # no more than the model reads; half shared
    with pytest.raises(UsageError, match="overlap is 9"):
        encoder.passages(texts, window=9, overlap=9)


def test_what_cannot_be_cut() -> None:
    with pytest.raises(UsageError, match="window is 0 tokens; give at least 1"):
        check_window(0, None)
    with pytest.raises(UsageError, match=r"overlap is -1 tokens; give 0 or more$"):
        check_window(None, -1)
    from xret.encoders.laser.tokeniser import LaserTokenizer

    with pytest.raises(ModelError, match="LASER models rewrite texts"):
        LaserTokenizer.spans(object.__new__(LaserTokenizer), ["a"])
