"""Numbers known as ranges."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Span"]


@dataclass(frozen=True)
class Span:
    """From `low` to `high`, both positive; a plain number is a range of one."""

    low: float
    high: float

    @classmethod
    def of(cls, value: float | Span) -> Span:
        """The range that a number is."""
        return value if isinstance(value, Span) else cls(value, value)

    def __add__(self, other: float | Span) -> Span:
        """The sum, end by end."""
        other = Span.of(other)
        return Span(self.low + other.low, self.high + other.high)

    def __mul__(self, other: float | Span) -> Span:
        """The product, end by end."""
        other = Span.of(other)
        return Span(self.low * other.low, self.high * other.high)

    def __truediv__(self, other: float | Span) -> Span:
        """The quotient: least by most, most by least."""
        other = Span.of(other)
        return Span(self.low / other.high, self.high / other.low)

    def __rtruediv__(self, other: float) -> Span:
        """A number by this range."""
        return Span.of(other) / self

    def up(self) -> Span:
        """Both ends rounded up to whole numbers: nobody buys half a machine."""
        return Span(math.ceil(self.low), math.ceil(self.high))
