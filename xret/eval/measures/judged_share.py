"""How much of a ranking was judged at all: the warning beside every other measure."""

from __future__ import annotations

import numpy as np

from xret.eval.judged import Judged
from xret.eval.measures.measure import Floats, Measure, ratio

__all__ = ["JudgedShare"]


class JudgedShare(Measure):
    """Documents with a judgement (of any relevance) among the first k, over those retrieved among them.

    As ``Judged@k`` of ir-measures: a query with three results, all judged, has 1 at any k from 3.
    """

    name = "Judged"
    cuts = "always"
    takes = ()

    def _values(self, judged: Judged) -> Floats:
        return ratio(judged.total(judged.hits.top(self.cutoff)), np.minimum(judged.retrieved, self.cutoff or 1))
