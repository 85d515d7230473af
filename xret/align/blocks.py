"""Blocks of consecutive segments, as text and as vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from xret.align.beads import Blocks

__all__ = ["CHARACTERS", "Embed", "block_texts", "embedded_blocks", "joined"]

CHARACTERS = 10_000  # of a block that are read at most: no model reads further
_UNSPACED = frozenset(["bo", "ja", "km", "lo", "my", "th", "zh"])  # languages without spaces between sentences

Embed: TypeAlias = Callable[[Sequence[str], Sequence[str]], NDArray[np.float32]]
"""Texts and their languages (BCP 47) to (n, d) float32 rows of length 1."""


def joined(texts: Sequence[str], lang: str) -> str:
    """Segments as one text: with a space between them, but none in languages that put none between sentences."""
    return ("" if lang.partition("-")[0] in _UNSPACED else " ").join(texts)


def block_texts(texts: Sequence[str], lang: str, size: int) -> list[str]:
    """The texts of all blocks of `size` consecutive segments, by the place where they begin."""
    return [joined(texts[at : at + size], lang)[:CHARACTERS] for at in range(len(texts) - size + 1)]


def embedded_blocks(
    documents: Sequence[tuple[Sequence[str], str, NDArray[np.float32]]], sizes: int, embed: Embed
) -> list[Blocks]:
    """The blocks of some documents; equal texts are encoded once.

    Args:
        documents: of each the texts of its segments, its language, and the segments' vectors (n, d).
        sizes: blocks of 1 to that many segments.
        embed: encodes the blocks of more than one segment.
    """
    wanted: dict[tuple[str, str], int] = {}
    places: list[list[list[int]]] = []
    for texts, lang, _ in documents:
        blocks = [[(text, lang) for text in block_texts(texts, lang, size)] for size in range(2, sizes + 1)]
        places.append([[wanted.setdefault(block, len(wanted)) for block in each] for each in blocks])
    found = (
        embed([text for text, _ in wanted], [lang for _, lang in wanted]) if wanted else np.empty((0, 0), np.float32)
    )
    return [
        Blocks((vectors, *(found[each] if each else vectors[:0] for each in rows)), _ends(texts))
        for (texts, _, vectors), rows in zip(documents, places, strict=True)
    ]


def _ends(texts: Sequence[str]) -> NDArray[np.float64]:
    return np.cumsum([0.0, *map(len, texts)])
