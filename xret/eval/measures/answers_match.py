"""Looking for answers in passages: texts are cut into tokens once, when they are first looked at."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.eval.measures.word_tokens import word_tokenizer

__all__ = ["Passages", "found_at", "found_within", "plain_tokens"]

NEVER = 2**62


class Passages:
    """The texts of hits, and their tokens."""

    def __init__(self, texts: tuple[pa.Table, npt.NDArray[np.int64]]) -> None:
        """Take `id, text` of documents and the place of every hit among them."""
        self._texts: list[str] = [text or "" for text in texts[0]["text"].to_pylist()]
        self._document = texts[1]
        self._plain: dict[int, str] = {}
        self._words: dict[int, list[str]] = {}

    def plain(self, hit: int) -> str:
        """`plain_tokens` of a hit's text."""
        document = int(self._document[hit])
        if document not in self._plain:
            self._plain[document] = plain_tokens(self._texts[document])
        return self._plain[document]

    def words(self, hit: int) -> list[str]:
        """NLTK's tokens of a hit's text."""
        document = int(self._document[hit])
        if document not in self._words:
            self._words[document] = word_tokenizer()[0](self._texts[document])
        return self._words[document]

    def tokenizer(self, *, tokens: bool) -> str:
        """How the tokens are made."""
        return word_tokenizer()[1] if tokens else "letters, digits and marks; NFD; lower case"


def found_at(passages: Passages, hits: slice, answers: Sequence[str], most: int) -> int:
    """Rank of the first of `most` hits that has an answer, beyond all if there is none."""
    wanted = [tokens for tokens in map(plain_tokens, answers) if tokens.strip()]
    for rank, hit in enumerate(range(hits.start, min(hits.stop, hits.start + most)), 1):
        text = passages.plain(hit)
        if any(answer in text for answer in wanted):
            return rank
    return NEVER


def found_within(passages: Passages, hits: slice, answers: Sequence[str], most: int) -> int:
    """Number of tokens after which an answer has been read, beyond all if there is none among `most`."""
    words: list[str] = []
    for hit in range(hits.start, hits.stop):
        words += passages.words(hit)
        if len(words) >= most:
            break
    del words[most:]
    text = " ".join(words)
    ends = [text.find(answer) + len(answer) for answer in answers if answer in text]
    if not ends:
        return NEVER
    # The answer is there once the token in which it ends is at least so far, so cut at that: tokens before the end.
    return _token_of(words, min(ends))


def _token_of(words: Sequence[str], end: int) -> int:
    """How many tokens joined with blanks have at least `end` characters."""
    lengths = np.cumsum([len(word) + 1 for word in words]) - 1
    return int(np.searchsorted(lengths, end)) + 1


class _Signs(dict[int, str]):
    """Letters, digits and marks as they are, separators and control characters as blanks, other signs between blanks.

    Filled as characters are met.
    """

    def __missing__(self, code: int) -> str:
        kind = unicodedata.category(chr(code))[0]
        self[code] = chr(code) if kind in "LNM" else " " if kind in "ZC" else f" {chr(code)} "
        return self[code]


_SIGNS = _Signs()


@functools.lru_cache(maxsize=4096)
def _short(text: str) -> str:
    return _plain(text)


def plain_tokens(text: str) -> str:
    """The tokens of DPR's evaluation in lower case, each between two blanks: one text has another's sequence if it
    contains it.
    """
    return _short(text) if len(text) < 100 else _plain(text)


def _plain(text: str) -> str:
    return " " + " ".join(unicodedata.normalize("NFD", text).translate(_SIGNS).lower().split()) + " "
