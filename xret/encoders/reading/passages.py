"""Long texts cut into overlapping windows of tokens (Dai & Callan 2019: passages of 150 words, every 75)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xret.encoders.reading.tokenizer import Reader
from xret.encoders.recipe import Recipe
from xret.encoders.runtime.batching import windows
from xret.errors import UsageError

__all__ = ["Passages", "Truncation", "check_window", "cut_passages", "first_passages", "read_passages", "window_ranges"]

Ints = NDArray[np.int64]
Truncation = Literal["first", "windows"]  # of texts that are too long: their beginning, or all of it in pieces


@dataclass(frozen=True)
class Passages:
    """Texts in pieces, those of a text one after the other."""

    texts: list[str]
    owner: Ints  # (passages,): the text that each is of, ascending; every text has at least one


def check_window(window: int | None, overlap: int | None) -> None:
    """Refuse sizes that cannot be.

    Raises:
        UsageError: a window without a token, or windows that do not move on.
    """
    if window is not None and window < 1:
        raise UsageError(f"the window is {window} tokens; give at least 1")
    if overlap is not None and (overlap < 0 or (window is not None and overlap >= window)):
        limit = "" if window is None else f", less than the window's {window}"
        raise UsageError(f"the overlap is {overlap} tokens; give 0 or more{limit}")


def window_ranges(length: int, window: int, overlap: int | None) -> list[tuple[int, int]]:
    """The windows over `length` tokens: (first, behind the last) of each, up to the one that reaches the end.

    Args:
        length: 0 gives one empty window.
        window: tokens of each but the last, at least 1.
        overlap: tokens that two neighbours share; None for half a window. What leaves no step is cut down to a step
            of one token.
    """
    step = window - min(window // 2 if overlap is None else overlap, window - 1)
    last = max(length - window, 0)
    starts = range(0, last + step, step) if last else [0]
    return [(start, min(start + window, length)) for start in starts]


def cut_passages(texts: Sequence[str], spans: Sequence[Ints], *, window: int, overlap: int | None) -> Passages:
    """Cut texts between tokens.

    A passage is a piece of the text itself, so it may become a token more or less when it is read by itself.

    Args:
        texts: n texts.
        spans: per text (tokens, 2): where each token begins and ends, in characters, ascending.
        window: tokens of a passage.
        overlap: see `window_ranges`.

    Returns:
        At least one passage per text; a text that fits is one, unchanged.
    """
    pieces: list[str] = []
    owner: list[int] = []
    for row, (text, span) in enumerate(zip(texts, spans, strict=True)):
        ranges = window_ranges(len(span), window, overlap)
        for start, stop in ranges:
            first = 0 if start == 0 else int(span[start, 0])
            pieces.append(text[first : len(text) if stop == len(span) else int(span[stop - 1, 1])])
            owner.append(row)
    return Passages(pieces, np.array(owner, np.int64))


def first_passages(passages: Passages) -> Passages:
    """The first passage of each text."""
    texts, first = np.unique(passages.owner, return_index=True)
    return Passages([passages.texts[at] for at in first], texts)


def read_passages(
    reader: Reader, recipe: Recipe, texts: Sequence[str], *, window: int | None = None, overlap: int | None = None
) -> Passages:
    """Documents cut into overlapping windows of a model's own tokens, so that what is beyond its length counts too.

    Args:
        reader: of the model.
        recipe: of the model.
        texts: any strings.
        window: tokens of a passage, special ones and prompt aside; None, or more, for as many as the model reads.
        overlap: see `window_ranges`.

    Raises:
        InputError: a text is not a string or cannot be written as UTF-8.
        ModelError: a model that cannot tell where its tokens lie (LASER).
        UsageError: windows that hold nothing or do not move on.
    """
    room = max(recipe.document_tokens - int(reader([""], role="document").lengths[0]), 1)
    check_window(window, overlap)
    used = min(window or room, room)
    if overlap is not None and overlap >= used:
        raise UsageError(f"the overlap is {overlap} tokens; give less than the window's {used}")
    spans = [span for part in windows(texts) for span in reader.spans(texts[part.start : part.stop])]
    return cut_passages(texts, spans, window=used, overlap=overlap)
