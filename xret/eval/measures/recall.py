"""Recall."""

from __future__ import annotations

from xret.eval.judged import Judged
from xret.eval.measures.measure import Floats, Measure, ratio

__all__ = ["Recall"]


class Recall(Measure):
    """Relevant documents among the first k, over all relevant ones: trec_eval's ``recall``."""

    name = "R"
    cuts = "always"

    def _values(self, judged: Judged) -> Floats:
        return ratio(judged.total(judged.found.top(self.cutoff)), judged.relevant)
