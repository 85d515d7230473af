"""alpha-nDCG: gain for what is new, such as a language not seen yet."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from xret.errors import UsageError
from xret.eval.judged import Judged, Rows
from xret.eval.measures.measure import Floats, Measure, ratio
from xret.eval.subtopics import Aspects
from xret.runs.order import ranks

__all__ = ["AlphaNDCG"]


@dataclass(frozen=True, repr=False)
class AlphaNDCG(Measure):
    """DCG over the best DCG there could be, where the n-th document of a subtopic gains (1 - alpha)^(n - 1).

    A document gains for each of its subtopics. Subtopics may be the languages of the documents: a ranking with all
    languages at the top is worth more than one with many documents of one of them. The best ranking is made greedily
    (it is the best where every document has one subtopic; to find it otherwise is NP-hard); of documents that gain the
    same, the one with the greater id comes first, as in ndeval.

    Source: Clarke, Kolla, Cormack, Vechtomova, Ashkan, Büttcher & MacKinnon, "Novelty and diversity in information
    retrieval evaluation", SIGIR 2008; the ideal as in TREC's ndeval.
    """

    alpha: float = field(default=0.5, kw_only=True)

    name = "alpha-nDCG"
    takes = ("judged", "rel", "alpha")

    def __post_init__(self) -> None:
        """Check alpha too."""
        if not 0 <= self.alpha <= 1:
            raise UsageError(f"measure {self.name} cannot have alpha={self.alpha}; wanted a number from 0 to 1")
        super().__post_init__()

    def _values(self, judged: Judged) -> Floats:
        if judged.aspects is None:
            raise UsageError(
                f"measure {self.name} needs the subtopics of documents, such as their languages; give the corpus "
                "(its languages are taken) or the subtopics"
            )
        aspects = judged.aspects
        found = judged.found.top(self.cutoff)
        gained = judged.total(found, self._gains(found, aspects) / np.log2(found.rank + 1.0))
        good = np.flatnonzero(judged.relevance >= judged.level)
        ideal = self._greedy(judged.query[good], good, aspects)
        kept = ideal.top(self.cutoff)
        return ratio(gained, judged.total(kept, self._gains(kept, aspects) / np.log2(kept.rank + 1.0)))

    def _gains(self, rows: Rows, aspects: Aspects) -> Floats:
        """(len(rows),) gain of each row at its place, for rows by query and then rank."""
        place, subtopic = aspects.of(rows.row)
        key = rows.query[place] * aspects.size + subtopic
        order = np.argsort(key, kind="stable")
        before = np.empty(len(key), np.int64)
        before[order] = ranks(key[order]) - 1
        return np.bincount(place, (1.0 - self.alpha) ** before, minlength=len(rows.query)).astype(np.float64)

    def _greedy(self, query: npt.NDArray[np.int64], row: npt.NDArray[np.int64], aspects: Aspects) -> Rows:
        """The relevant rows in the order in which each gains the most after those before it."""
        order = np.lexsort((-aspects.document[row], query))
        query, row = query[order], row[order]
        chosen = np.empty_like(row)
        starts = np.flatnonzero(np.diff(query, prepend=-1))
        for start, end in zip(starts, [*starts[1:], len(row)], strict=True):
            chosen[start:end] = row[start:end][self._order(aspects.table(row[start:end]), self.cutoff)]
        return Rows(query, ranks(query), np.ones_like(row), chosen)

    def _order(self, about: npt.NDArray[np.bool_], cutoff: int | None) -> npt.NDArray[np.int64]:
        """(d,) places in the order of choice for (d, s) which document is about what; the first wins among equals."""
        worth, left = np.ones(about.shape[1]), np.ones(len(about), bool)
        order = np.arange(len(about))
        for place in range(min(len(about), cutoff or len(about))):
            gain = np.where(left, about @ worth, -1.0)
            order[place] = best = int(gain.argmax())
            left[best] = False
            worth[about[best]] *= 1.0 - self.alpha
        order[min(len(about), cutoff or len(about)) :] = np.flatnonzero(left)
        return order
