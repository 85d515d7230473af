"""Which pieces byte-pair encoding needs on the way to a piece (Sennrich et al. 2016).

A token's part of a word is merged in the same order alone as within the word: a merge over the token's edge would have
removed that edge, and the others are taken in the order of their ranks. So the pieces that come and go while the token
is made from its characters are those of its own derivation, and any set of merges that holds all of these, in their
order, gives the same tokens: whatever is chosen first among all merges is also chosen first among fewer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

__all__ = ["Merges"]


class Merges:
    """The merges of a tokenizer.json."""

    def __init__(self, model: Mapping[str, Any]) -> None:
        """Take the ``model`` of a tokenizer.json as the `tokenizers` library writes it."""
        self.pairs = [_pair(entry) for entry in model["merges"]]
        self._rank = {pair: place for place, pair in enumerate(self.pairs)}
        self._prefix = str(model.get("continuing_subword_prefix") or "")
        self._suffix = str(model.get("end_of_word_suffix") or "")
        self._makers: dict[str, list[tuple[str, str]]] = {}
        for pair in self.pairs:
            self._makers.setdefault(self.result(pair), []).append(pair)

    def result(self, pair: tuple[str, str]) -> str:
        """The piece that a merge makes."""
        return pair[0] + pair[1][len(self._prefix) :]

    def derivation(self, piece: str) -> set[str]:
        """The piece, the characters that it is made from, and all that comes between."""
        parts = self._characters(piece)
        seen = {piece, *parts}
        while len(parts) > 1:
            ranks = [self._rank.get(pair, len(self.pairs)) for pair in pairwise(parts)]
            if (best := min(ranks)) == len(self.pairs):
                break
            at = ranks.index(best)
            parts[at : at + 2] = [self.result(self.pairs[best])]
            seen.add(parts[at])
        if parts != [piece]:  # a vocabulary made by hand: then whatever could make it
            self._add_makers(piece, seen)
        return seen

    def _characters(self, piece: str) -> list[str]:
        """What the piece is made from, marked as the first, inner and last of a word are."""
        inside = bool(self._prefix) and piece.startswith(self._prefix) and piece != self._prefix
        ends = bool(self._suffix) and piece.endswith(self._suffix) and piece != self._suffix
        body = piece[len(self._prefix) if inside else 0 : len(piece) - len(self._suffix) if ends else None]
        parts = [self._prefix + letter if place or inside else letter for place, letter in enumerate(body)]
        if ends:
            parts[-1] += self._suffix
        return parts

    def _add_makers(self, piece: str, seen: set[str]) -> None:
        waiting = [piece]
        while waiting:
            for pair in self._makers.get(waiting.pop(), ()):
                waiting += [part for part in pair if part not in seen]
                seen.update(pair)


def _pair(entry: str | Sequence[str]) -> tuple[str, str]:
    left, right = entry.split(" ") if isinstance(entry, str) else entry
    return left, right
