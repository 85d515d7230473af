"""Reciprocal rank."""

from __future__ import annotations

from xret.eval.judged import Judged
from xret.eval.measures.measure import Floats, Measure
from xret.runs.order import ranks

__all__ = ["ReciprocalRank"]


class ReciprocalRank(Measure):
    """1 / rank of the first relevant document, 0 if there is none (among the first k): trec_eval's ``recip_rank``."""

    name = "RR"

    def _values(self, judged: Judged) -> Floats:
        found = judged.found.top(self.cutoff)
        first = found.where(ranks(found.query) == 1)
        return judged.total(first, 1.0 / first.rank)
