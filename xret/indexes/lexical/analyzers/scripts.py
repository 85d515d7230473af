"""Characters by what they are to a tokenizer: parts of words, of scripts written without spaces, or neither."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain

__all__ = ["DENSE", "SPARSE", "normalised", "pieces", "word_spans", "words"]

DENSE = (
    "\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa"
    "\u30fc-\u30ff\u3105-\u312f\u3131-\u318e\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97c"
    "\uac00-\ud7fb\uf900-\ufaff\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
)
"""Han, kana, bopomofo and hangul, as a class of `re`: two characters carry about as much as a word."""
SPARSE = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0edc-\u0edf\u0f00\u0f40-\u0fbc\u1000-\u103f\u1050-\u108f\u109a-\u109d"
    "\u1780-\u17d3\u1950-\u1974\u1980-\u19c9\u1a20-\u1a7c\uaa60-\uaa7f\ua9e0-\ua9ef\ua9fa-\ua9fe"
)
"""Thai, Lao, Tibetan, Myanmar, Khmer, Tai: letters, vowel signs and tones, written without spaces between words."""

_SPLIT = re.compile(f"[{DENSE}]+|[{SPARSE}]+|[^{DENSE}{SPARSE}]+")
_UNSPACED = re.compile(f"[{DENSE}{SPARSE}]")
# Points that readers leave out (Hebrew, Arabic), the Arabic filler, and characters that only guide the printing.
_UNSEEN = re.compile(
    "[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8"
    "\u06ea-\u06ed\u00ad\u200b-\u200f\u2060\ufeff]"
)
_PERSIAN_JOINT = re.compile("(?<=[\u0600-\u06ff])\u200c")  # between the parts of a Persian word, which it parts


def normalised(text: str) -> str:
    """NFKC, without what readers do not see (soft hyphens, joiners, Arabic and Hebrew points); case is kept."""
    return _UNSEEN.sub("", _PERSIAN_JOINT.sub(" ", unicodedata.normalize("NFKC", text)))


def words(text: str) -> list[str]:
    r"""Longest runs of letters, digits and marks.

    Marks belong to words: without them, as in Python's ``\w``, vowel signs break every word of an Indic language.
    """
    return _word_pattern().findall(text)


def word_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the words of `words` begin and end."""
    return (found.span() for found in _word_pattern().finditer(text))


def pieces(word: str) -> list[str]:
    """A word cut where scripts with and without spaces meet."""
    return _SPLIT.findall(word) if _UNSPACED.search(word) else [word]


@lru_cache(maxsize=1)
def _word_pattern() -> re.Pattern[str]:
    codes = chain(range(0x300, 0x1F000), range(0xE0100, 0xE01F0))  # between these, pictures and Han, are no marks
    marks = _ranges(code for code in codes if unicodedata.category(chr(code)).startswith("M"))
    return re.compile(f"(?:[^\\W_]|[{marks}])+")


def _ranges(codes: Iterable[int]) -> str:
    """Ascending numbers as the inside of a class of `re`."""
    runs: list[list[int]] = []
    for code in codes:
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in runs)
