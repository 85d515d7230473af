"""A run seen through relevance judgements, in integers: all that the measures need, and nothing else."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import EvalError
from xret.eval.subtopics import Aspects, aspects_of
from xret.runs.codes import codes, joint_codes
from xret.runs.order import ranks, trec_order

__all__ = ["Judged", "Rows", "judge"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rows:
    """Parallel arrays of (query code, rank from 1, relevance, row of the qrels), by query and then rank."""

    query: Ints
    rank: Ints
    relevance: Ints
    row: Ints

    def where(self, mask: npt.NDArray[np.bool_]) -> Rows:
        """The rows of a mask."""
        return Rows(self.query[mask], self.rank[mask], self.relevance[mask], self.row[mask])

    def top(self, cutoff: int | None) -> Rows:
        """The rows of rank `cutoff` or better; all of them for None."""
        return self if cutoff is None else self.where(self.rank <= cutoff)


@dataclass(frozen=True, eq=False)
class Judged:
    """What a run retrieved that was judged, and what it should have retrieved; n queries, all those of the qrels.

    Attributes:
        qids: (n,) strings, in order of first appearance in the qrels.
        hits: the retrieved rows that have a judgement (also 0 or below), with their rank among all retrieved.
        retrieved: (n,) number of documents retrieved.
        query: (rows of the qrels,) query codes.
        relevance: (rows of the qrels,) labels.
        aspects: the subtopics of judged documents, where known.
        level: the least relevance that counts as relevant.
    """

    qids: pa.Array
    hits: Rows
    retrieved: Ints
    query: Ints
    relevance: Ints
    aspects: Aspects | None = None
    level: int = 1

    @functools.cached_property
    def found(self) -> Rows:
        """The hits that are relevant."""
        return self.hits.where(self.hits.relevance >= self.level)

    @functools.cached_property
    def ideal(self) -> Rows:
        """The judgements above 0 ranked by relevance descending: the best run there could be."""
        rows = np.flatnonzero(self.relevance > 0)
        order = rows[np.lexsort((-self.relevance[rows], self.query[rows]))]
        return Rows(self.query[order], ranks(self.query[order]), self.relevance[order], order)

    @functools.cached_property
    def relevant(self) -> Ints:
        """(n,) number of relevant documents, retrieved or not."""
        return np.bincount(self.query[self.relevance >= self.level], minlength=len(self.qids))

    @functools.cached_property
    def rejected(self) -> Ints:
        """(n,) number of documents judged not relevant: labels from 0 to below the level."""
        return np.bincount(self.query[(self.relevance >= 0) & (self.relevance < self.level)], minlength=len(self.qids))

    @functools.cached_property
    def condensed(self) -> Judged:
        """The same with unjudged documents, and those of labels below 0, taken out of the run: trec_eval's ``-J``."""
        hits = self.hits.where(self.hits.relevance >= 0)
        closed = Rows(hits.query, ranks(hits.query), hits.relevance, hits.row)
        return replace(self, hits=closed, retrieved=np.bincount(hits.query, minlength=len(self.qids)))

    def from_level(self, level: int) -> Judged:
        """The same with another least relevance that counts as relevant."""
        return self if level == self.level else self._levels.setdefault(level, replace(self, level=level))

    @functools.cached_property
    def _levels(self) -> dict[int, Judged]:
        return {}

    def total(self, rows: Rows, weight: npt.NDArray[np.floating] | None = None) -> Floats:
        """(n,) sum of weights, or number of rows, per query; added in order of rank as in trec_eval: the same bits."""
        return np.bincount(rows.query, weights=weight, minlength=len(self.qids)).astype(np.float64)


def judge(run: pa.Table, qrels: pa.Table, *, subtopics: pa.Table | None = None) -> Judged:
    """Match a run with judgements.

    Args:
        run: `qid, docid, score`, any order; queries without judgements are left out.
        qrels: `qid, docid, relevance`; a relevance of 0 or below is judged and not relevant.
        subtopics: see `aspects_of`; for alpha-nDCG.

    Raises:
        EvalError: run and qrels have no query in common, or a score is NaN.
    """
    qids, documents = pc.unique(qrels["qid"]), pc.unique(qrels["docid"])
    query = codes(run["qid"], qids)
    kept = query >= 0
    if not kept.any():
        raise EvalError(_nothing_shared(run, qids))
    if not kept.all():
        run, query = run.filter(pa.array(kept)), query[kept]
    score = run["score"].to_numpy()
    if np.isnan(score).any():
        raise EvalError(
            f"run: score of document '{run['docid'][int(np.isnan(score).argmax())]}' is NaN; mend what made the run"
        )
    judged_query, judged_document = codes(qrels["qid"], qids), codes(qrels["docid"], documents)
    found = _look_up(
        joint_codes(query, codes(run["docid"], documents), len(documents)),
        joint_codes(judged_query, judged_document, len(documents)),
    )
    order = trec_order(query, score, run["docid"])
    place = np.flatnonzero(found[order] >= 0)
    rows = order[place]
    retrieved = np.bincount(query, minlength=len(qids))
    rank = place - (np.cumsum(retrieved) - retrieved)[query[rows]] + 1
    relevance = qrels["relevance"].to_numpy().astype(np.int64)
    hits = Rows(query[rows], rank, relevance[found[rows]], found[rows])
    aspects = None if subtopics is None else aspects_of(qrels, subtopics)
    return Judged(qids, hits, retrieved, judged_query, relevance, aspects)


def _look_up(keys: Ints, known: Ints) -> Ints:
    """(len(keys),) place of each key in `known`, -1 where there is none or the key is below 0."""
    found = pc.index_in(pa.array(keys), value_set=pa.array(known))
    places: Ints = pc.fill_null(found, -1).to_numpy().astype(np.int64)
    return places


def _nothing_shared(run: pa.Table, qids: pa.Array) -> str:
    mine = pc.unique(run["qid"])
    return (
        f"run and qrels share no query: the run has {len(mine)} (such as {_some(mine)}), "
        f"the qrels {len(qids)} (such as {_some(qids)}); check that they belong to the same set and spell ids alike"
    )


def _some(ids: pa.Array) -> str:
    return ", ".join(f"'{value}'" for value in ids[:3].to_pylist())
