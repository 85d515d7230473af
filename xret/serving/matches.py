"""Which parts of a found text match a query, by the similarity of their tokens' vectors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from xret.errors import ModelError
from xret.indexes.lexical.analyzers.scripts import word_spans
from xret.serving.remembering import places_of

if TYPE_CHECKING:
    from xret.encoders import Encoder

__all__ = ["Match", "can_match", "text_matches", "token_matches"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Match = tuple[int, int, float]
LEAST = 0.35  # similarity that counts as a match
SHARE = 0.5  # of the best token's
MOST = 64  # matches of a text
_JOINTS = "'’-"  # within a word
# Words of scripts that put spaces between them are marked whole; in others every token stands for itself.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


def can_match(encoder: Encoder | None) -> bool:
    """Whether an encoder's tokens can be found in a text."""
    if encoder is None or not encoder.token_dim:
        return False
    try:
        places_of(encoder, ["a"], role="query")
    except ModelError:
        return False
    return True


def text_matches(
    encoder: Encoder, query: str, texts: Sequence[str], *, langs: tuple[str, Sequence[str]] | None = None
) -> list[list[Match]]:
    """The matching parts of some texts.

    Args:
        encoder: with token vectors and places.
        query: what they were found with.
        texts: of the documents; what is beyond the encoder's length has no matches.
        langs: of the query and of the texts, for encoders that are told.

    Returns:
        Per text (start, end, weight): code points, ascending and apart; the weight from 0 to 1.
    """
    asked = encoder.encode_tokens([query], role="query", lang=langs and [langs[0]])[0]
    own = places_of(encoder, [query], role="query")[0]
    if len(own) == len(asked):
        asked = asked[own[:, 0] >= 0]  # the query as a whole, and what fills it up, are no words
    vectors = encoder.encode_tokens(texts, role="document", lang=langs and langs[1])
    places = places_of(encoder, texts, role="document")
    return [
        token_matches(asked, found, where, text) if len(found) == len(where) else []
        for found, where, text in zip(vectors, places, texts, strict=True)
    ]


def token_matches(query: Floats, document: Floats, places: Ints, text: str) -> list[Match]:
    """The parts of one text that match.

    A token matches as well as its nearest token of the query, times what that one weighs beside the heaviest.

    Args:
        query: (q, d) vectors, as long as their tokens' weights.
        document: (n, d) unit vectors.
        places: (n, 2) characters of each; -1 for none.
        text: the text.
    """
    real = places[:, 0] >= 0
    document, places = document[real], places[real]
    if not len(query) or not len(document):
        return []
    weights = np.linalg.norm(query, axis=1)
    heaviest = float(weights.max())
    if not heaviest > 0:
        return []
    similarity = np.clip((document @ query.T).max(axis=1) / heaviest, 0.0, 1.0)
    return _parts(similarity, _whole_words(places, text))


def _whole_words(places: Ints, text: str) -> Ints:
    """(n, 2) the word that each token is in, or its own characters without the space around them."""
    starts = np.full(len(text) + 1, -1, np.int64)
    ends = starts.copy()
    for start, end in _words(text):
        if not _UNSPACED.search(text, start, end):
            starts[start:end], ends[start:end] = start, end
    out = places.copy()
    for row, (start, end) in enumerate(places.tolist()):
        while start < end and text[start].isspace():
            start += 1
        while end > start and text[end - 1].isspace():
            end -= 1
        inside = start < end and starts[start] >= 0
        out[row] = (starts[start], max(end, int(ends[start]))) if inside else (start, end)
    return out


def _words(text: str) -> Iterator[tuple[int, int]]:
    """Where words begin and end; those with an apostrophe or a hyphen inside are one."""
    first = last = -1
    for start, end in word_spans(text):
        if start == last + 1 and text[last] in _JOINTS:
            last = end
            continue
        if first >= 0:
            yield first, last
        first, last = start, end
    if first >= 0:
        yield first, last


def _parts(similarity: Floats, words: Ints) -> list[Match]:
    """The best of the words, each with its best token's similarity, in order and apart."""
    best: dict[tuple[int, int], float] = {}
    for (start, end), value in zip(words.tolist(), similarity.tolist(), strict=True):
        if end > start:
            best[start, end] = max(best.get((start, end), 0.0), value)
    least = max(LEAST, SHARE * max(best.values(), default=0.0))
    chosen = sorted(sorted((word for word in best if best[word] >= least), key=lambda word: -best[word])[:MOST])
    out: list[Match] = []
    for start, end in chosen:
        weight = round(best[start, end], 4)
        if out and start < out[-1][1]:  # a token over the end of a word
            out[-1] = (out[-1][0], max(end, out[-1][1]), max(weight, out[-1][2]))
        else:
            out.append((start, end, weight))
    return out
