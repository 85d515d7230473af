"""Pairs that are no language: digits, punctuation, formulae."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from xret.bitext.filters.filter import RowFilter
from xret.errors import UsageError

__all__ = ["Letters", "letter_share"]


@dataclass(frozen=True)
class Letters(RowFilter):
    """Keeps pairs where both sides hold letters: at least one, and at least `share` of what is not white space.

    Raises:
        UsageError: the share is not between 0 and 1.
    """

    reason: ClassVar[str] = "letters"
    share: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        if not 0 <= self.share <= 1:
            raise UsageError(f"the smallest share of letters is {self.share}; wanted 0 to 1")

    def keeps(self, src: str, tgt: str) -> bool:
        """Whether both have enough of them."""
        lower = min(letter_share(src), letter_share(tgt))
        return 0 < lower >= self.share


def letter_share(text: str) -> float:
    """Letters and their marks among the characters that are no white space: 0 to 1, 0 for an empty text."""
    visible = "".join(text.split())
    return sum(map(_letter, visible)) / len(visible) if visible else 0.0


@lru_cache(maxsize=1 << 16)
def _letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM"
