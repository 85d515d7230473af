"""Precision, success and R-precision: how many of the first documents are relevant."""

from __future__ import annotations

import numpy as np

from xret.eval.judged import Judged
from xret.eval.measures.measure import Floats, Measure, ratio

__all__ = ["Precision", "RPrecision", "Success"]


class Precision(Measure):
    """Relevant documents among the first k, over k (also when fewer were retrieved): trec_eval's ``P``."""

    name = "P"
    cuts = "always"

    def _values(self, judged: Judged) -> Floats:
        return judged.total(judged.found.top(self.cutoff)) / float(self.cutoff or 1)


class Success(Measure):
    """1 if any of the first k documents is relevant, else 0: trec_eval's ``success``."""

    name = "Success"
    cuts = "always"

    def _values(self, judged: Judged) -> Floats:
        return np.minimum(judged.total(judged.found.top(self.cutoff)), 1.0)


class RPrecision(Measure):
    """Precision after as many documents as there are relevant ones: trec_eval's ``Rprec``."""

    name = "Rprec"
    cuts = "never"

    def _values(self, judged: Judged) -> Floats:
        found = judged.found
        return ratio(judged.total(found.where(found.rank <= judged.relevant[found.query])), judged.relevant)
