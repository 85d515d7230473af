"""Binary preference: a measure for judgements that are far from complete."""

from __future__ import annotations

import numpy as np

from xret.eval.judged import Judged
from xret.eval.measures.measure import Floats, Measure, ratio

__all__ = ["BinaryPreference"]


class BinaryPreference(Measure):
    """How often relevant documents stand before documents judged not relevant; unjudged ones count as if not there.

    With R relevant documents and N judged not relevant (labels from 0 to below the level; labels below 0 are neither):
    the sum over the relevant ones retrieved of 1 - min(n, R) / min(N, R), n being how many judged not relevant stand
    before it, over R. trec_eval's ``bpref``.

    Source: Buckley & Voorhees, "Retrieval evaluation with incomplete information", SIGIR 2004, with the correction of
    min(N, R) that trec_eval made in version 8.
    """

    name = "bpref"
    cuts = "never"
    takes = ("rel",)

    def _values(self, judged: Judged) -> Floats:
        hits = judged.hits
        good, bad = hits.relevance >= judged.level, (hits.relevance >= 0) & (hits.relevance < judged.level)
        before = np.cumsum(bad)  # over all queries: less what stood before the query began
        first = np.searchsorted(hits.query, hits.query[good])
        worse = before[good] - np.concatenate([[0], before])[first]
        found = hits.where(good)
        wanted = judged.relevant
        most = np.minimum(judged.rejected, wanted)[found.query]
        lost = ratio(np.minimum(worse, wanted[found.query]), most)
        return ratio(judged.total(found, 1 - lost), wanted)
