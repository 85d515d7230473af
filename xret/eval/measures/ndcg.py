"""Normalised discounted cumulative gain."""

from __future__ import annotations

import numpy as np

from xret.eval.judged import Judged, Rows
from xret.eval.measures.measure import Floats, Measure, ratio

__all__ = ["NDCG"]


class NDCG(Measure):
    """DCG over the best DCG there could be; gain = relevance, discount = log2(rank + 1).

    Source: Järvelin & Kekäläinen, ACM TOIS 20(4), 2002, as in trec_eval's ``ndcg`` and ``ndcg_cut``: linear gain, the
    ideal cut at the same rank, relevance below 0 counts as 0.
    """

    name = "nDCG"
    takes = ("judged",)

    def _values(self, judged: Judged) -> Floats:
        found, ideal = judged.found.top(self.cutoff), judged.ideal.top(self.cutoff)
        return ratio(judged.total(found, _discounted(found)), judged.total(ideal, _discounted(ideal)))


def _discounted(rows: Rows) -> Floats:
    gain: Floats = rows.relevance / np.log2(rows.rank + 1.0)
    return gain
