"""Texts without the differences that do not matter: their forms, keys of forms, and how alike two of them are."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["GRAM", "form", "keys", "likeness", "numberless"]

GRAM = 4  # characters of a gram
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


class _Kept(dict[int, str | None]):
    """For `str.translate`: drops punctuation, separators and control characters; filled as characters come by."""

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        kept = None if unicodedata.category(character)[0] in "PZC" else character
        self[code] = kept
        return kept


_KEPT = _Kept()


def form(text: str) -> str:
    """Letters, marks, digits and symbols of a text, compatibility forms and case folded away (NFKC, `str.casefold`).

    Accents, vowel signs and tone marks stay: they tell words apart. A text of punctuation alone is its own form.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return folded.translate(_KEPT) or text


def numberless(text: str) -> str:
    """The form of a text with every number as 0: sentences of one template have the same."""
    return form(_NUMBER.sub("0", text))


def keys(texts: Iterable[str]) -> NDArray[np.bytes_]:
    """(n,) 16-byte hashes, equal where texts are: the texts themselves need not be kept."""
    hashes = b"".join(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest() for text in texts)
    return np.frombuffer(hashes, "S16")


def likeness(one: str, other: str) -> float:
    """Jaccard similarity of two forms' sets of `GRAM` characters: 0 to 1, and 1 where the forms are equal."""
    if one == other:
        return 1.0
    first, second = _grams(one), _grams(other)
    shared = len(first & second)
    return shared / (len(first) + len(second) - shared)


def _grams(text: str) -> set[str]:
    return {text[start : start + GRAM] for start in range(max(1, len(text) - GRAM + 1))}
