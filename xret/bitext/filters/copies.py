"""Pairs that were never translated: both sides are the same text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xret.bitext.filters.filter import RowFilter
from xret.bitext.filters.forms import form, likeness
from xret.errors import UsageError

__all__ = ["Copies"]


@dataclass(frozen=True)
class Copies(RowFilter):
    """Drops pairs whose sides are alike.

    Attributes:
        share: drop from this likeness on (see `xret.bitext.filters.forms`). 1: the same letters and digits, whatever
            the case, spaces and punctuation; less also finds copies with a few words changed. Between languages that
            are written alike, true translations may be nearly copies: stay at 1 there.

    Raises:
        UsageError: the share is not above 0 and up to 1.
    """

    reason: ClassVar[str] = "copy"
    share: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what would drop everything, or nothing."""
        if not 0 < self.share <= 1:
            raise UsageError(f"copies: the share that must be alike is {self.share}; wanted above 0, at most 1")

    def keeps(self, src: str, tgt: str) -> bool:
        """Whether they differ enough."""
        one, other = form(src), form(tgt)
        return one != other if self.share == 1 else likeness(one, other) < self.share
