"""A run seen through relevance judgements, in integers: all that the measures need, and nothing else."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import EvalError
from xret.runs.codes import codes, joint_codes
from xret.runs.order import ranks, trec_order

__all__ = ["Judged", "Rows", "judge"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rows:
    """Parallel arrays of (query code, rank from 1, relevance), by query and then rank."""

    query: Ints
    rank: Ints
    relevance: Ints

    def where(self, mask: npt.NDArray[np.bool_]) -> Rows:
        """The rows of a mask."""
        return Rows(self.query[mask], self.rank[mask], self.relevance[mask])

    def top(self, cutoff: int | None) -> Rows:
        """The rows of rank `cutoff` or better; all of them for None."""
        return self if cutoff is None else self.where(self.rank <= cutoff)


@dataclass(frozen=True, eq=False)
class Judged:
    """What a run retrieved that was judged, and what it should have retrieved; n queries, all those of the qrels.

    Attributes:
        qids: (n,) strings, in order of first appearance in the qrels.
        hits: the retrieved rows that have a judgement (also 0 or below), with their rank among all retrieved.
        ideal: the judgements above 0 ranked by relevance descending: the best run there could be.
        retrieved: (n,) number of documents retrieved.
    """

    qids: pa.Array
    hits: Rows
    ideal: Rows
    retrieved: Ints

    @functools.cached_property
    def found(self) -> Rows:
        """The hits that are relevant (above 0)."""
        return self.hits.where(self.hits.relevance > 0)

    @functools.cached_property
    def relevant(self) -> Ints:
        """(n,) number of relevant documents, retrieved or not."""
        return np.bincount(self.ideal.query, minlength=len(self.qids))

    def total(self, rows: Rows, weight: npt.NDArray[np.floating] | None = None) -> Floats:
        """(n,) sum of weights, or number of rows, per query; added in order of rank as in trec_eval: the same bits."""
        return np.bincount(rows.query, weights=weight, minlength=len(self.qids)).astype(np.float64)


def judge(run: pa.Table, qrels: pa.Table) -> Judged:
    """Match a run with judgements.

    Args:
        run: `qid, docid, score`, any order; queries without judgements are left out.
        qrels: `qid, docid, relevance`; a relevance of 0 or below is judged and not relevant.

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
    order = trec_order(query, score, run["docid"])
    query, document = query[order], codes(run["docid"], documents)[order]
    judged_query, judged_document = codes(qrels["qid"], qids), codes(qrels["docid"], documents)
    relevance = qrels["relevance"].to_numpy().astype(np.int64)
    found = _look_up(
        joint_codes(query, document, len(documents)), joint_codes(judged_query, judged_document, len(documents))
    )
    hit = np.flatnonzero(found >= 0)
    hits = Rows(query[hit], ranks(query)[hit], relevance[found[hit]])
    return Judged(qids, hits, _ideal(judged_query, relevance), np.bincount(query, minlength=len(qids)))


def _look_up(keys: Ints, known: Ints) -> Ints:
    """(len(keys),) place of each key in `known`, -1 where there is none or the key is below 0."""
    found = np.full(len(keys), -1, np.int64)
    order = np.argsort(known, kind="stable")
    wanted = np.flatnonzero(keys >= 0)
    place = order[np.minimum(np.searchsorted(known, keys[wanted], sorter=order), len(known) - 1)]
    found[wanted] = np.where(known[place] == keys[wanted], place, -1)
    return found


def _ideal(query: Ints, relevance: Ints) -> Rows:
    rows = np.flatnonzero(relevance > 0)
    order = rows[np.lexsort((-relevance[rows], query[rows]))]
    return Rows(query[order], ranks(query[order]), relevance[order])


def _nothing_shared(run: pa.Table, qids: pa.Array) -> str:
    mine = pc.unique(run["qid"])
    return (
        f"run and qrels share no query: the run has {len(mine)} (such as {_some(mine)}), "
        f"the qrels {len(qids)} (such as {_some(qids)}); check that they belong to the same set and spell ids alike"
    )


def _some(ids: pa.Array) -> str:
    return ", ".join(f"'{value}'" for value in ids[:3].to_pylist())
