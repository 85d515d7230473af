"""What the parts of an alignment cost: the constants of the dynamic programme."""

from __future__ import annotations

from dataclasses import dataclass

from xret.errors import UsageError

__all__ = ["VECALIGN", "Prices"]


@dataclass(frozen=True, kw_only=True)
class Prices:
    """The constants of the cost of a bead (see `xret.align.costs`).

    The defaults are best, or near it, for xret-mini on news in German and French (many 1-n) and on manuals in three
    languages, merged and thinned out.

    Attributes:
        skip: of a segment without counterpart: a quantile of the costs of random 1-1 pairs, so 0 skips everything.
        length: weight of lengths against cosines.
        join: of every segment more than one on a side.
        gain: weight of what a block falls short of its parts by.
        edge: how much nearer than its parts a block must be, in units of a random pair's distance.
    """

    skip: float = 0.1
    length: float = 0.5
    join: float = 0.1
    gain: float = 3.0
    edge: float = 0.05

    def __post_init__(self) -> None:
        """Refuse prices that mean nothing.

        Raises:
            UsageError: `skip` outside 0 to 1, or another one below 0.
        """
        if not 0 <= self.skip <= 1:
            raise UsageError(f"skip = {self.skip}: must be between 0 and 1")
        for name in ("length", "join", "gain", "edge"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UsageError(f"{name} = {getattr(self, name)}: must be at least 0")


VECALIGN = Prices(skip=0.2, length=0.0, join=0.0, gain=0.0, edge=0.0)
"""Cosines alone, as in Thompson & Koehn 2019."""
