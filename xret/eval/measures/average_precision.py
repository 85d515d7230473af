"""Average precision."""

from __future__ import annotations

from xret.eval.judged import Judged
from xret.eval.measures.measure import Floats, Measure, ratio
from xret.runs.order import ranks

__all__ = ["AveragePrecision"]


class AveragePrecision(Measure):
    """Precision at every relevant document retrieved, summed, over the number of relevant documents there are.

    trec_eval's ``map`` and, cut, ``map_cut``: divided by all relevant documents however early the cut.
    """

    name = "AP"

    def _values(self, judged: Judged) -> Floats:
        found = judged.found.top(self.cutoff)
        return ratio(judged.total(found, ranks(found.query) / found.rank), judged.relevant)
