"""Rank-biased precision."""

from __future__ import annotations

from dataclasses import dataclass, field

from xret.errors import UsageError
from xret.eval.judged import Judged
from xret.eval.measures.measure import Floats, Measure

__all__ = ["RankBiasedPrecision"]


@dataclass(frozen=True, repr=False)
class RankBiasedPrecision(Measure):
    """Precision for a reader who goes on to the next document with probability p: (1 - p) * sum of p^(rank - 1).

    The sum is over relevant documents; unjudged ones count as not relevant, so it is the lower end of what it may be.
    p must be said: 0.5 is an impatient reader, 0.8 one who looks at five documents on the mean, 0.95 at twenty.

    Source: Moffat & Zobel, "Rank-biased precision for measurement of retrieval effectiveness", ACM TOIS 27(1), 2008.
    """

    p: float = field(default=0.0, kw_only=True)  # must be said: no default is agreed on

    name = "RBP"
    takes = ("judged", "rel", "p")

    def __post_init__(self) -> None:
        """Check p too."""
        if not 0 < self.p < 1:
            told = f"cannot have p={self.p}; wanted a number between 0 and 1" if self.p else "needs p"
            raise UsageError(f"measure RBP {told}, as in RBP:p=0.8")
        super().__post_init__()

    @classmethod
    def usage(cls) -> str:
        """``RBP:p=P[@k]``."""
        return "RBP:p=P[@k]"

    def _values(self, judged: Judged) -> Floats:
        found = judged.found.top(self.cutoff)
        return (1 - self.p) * judged.total(found, self.p ** (found.rank - 1.0))
