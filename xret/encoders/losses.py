"""What is lost on the way from texts to vectors, counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Losses"]


@dataclass
class Losses:
    """What the vectors of some texts do not say."""

    cut: int = 0  # texts that were longer than the encoder takes
    lost: int = 0  # tokens of theirs that were left out
    unknown: Counter[str] = field(default_factory=Counter)  # texts in languages the encoder lacks, by tag
    tokens: int = 0  # that were encoded
    slots: int = 0  # texts x longest of every batch: what was computed, padding included

    def add(self, other: Losses) -> None:
        """Count what another part lost too."""
        self.cut, self.lost = self.cut + other.cut, self.lost + other.lost
        self.tokens, self.slots = self.tokens + other.tokens, self.slots + other.slots
        self.unknown.update(other.unknown)
