"""MRC, mean rank correlation: do the translations of one query find the same documents in the same order?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.eval.fairness.found import Floats, Ints
from xret.runs.codes import codes
from xret.runs.order import ordered

__all__ = ["RankCorrelation", "rank_correlation"]


@dataclass(frozen=True, eq=False)
class RankCorrelation:
    """What the rankings of translations have in common.

    Attributes:
        mean: over topics; 1: the same rankings in every language; NaN where no topic has two languages.
        topics: number of topics for which it is defined.
        languages: `lang, topics: int64, MRC@k` of every language of queries with the others.
    """

    mean: float
    topics: int
    languages: pa.Table


def rank_correlation(
    run: pa.Table, topics: Mapping[str, str], languages: Mapping[str, str], cutoff: int
) -> RankCorrelation:
    """MRC@cutoff: Spearman's correlation of the rankings of one topic's queries in two languages.

    Of every two lists the first `cutoff` documents count, and all documents of both are ranked in each: those that a
    list has by its ranks; those that only the other has share the mean of the places behind its last. Long lists with
    nothing in common come near -.86, not 0: what one puts first the other puts last. A list without documents, or
    two lists of the same one document, have no correlation. A language's value for a topic is the mean over the other
    languages, a topic's the mean over its languages.

    Source: Yang, Jiang & Baldwin, "Language bias in information retrieval: the nature of the beast and mitigation
    methods", arXiv:2509.06195, 2025, which does not say what becomes of documents that one list lacks.

    Args:
        run: `qid, docid, score`.
        topics: query id -> topic.
        languages: query id -> language; queries that lack either are left out.
        cutoff: documents of each list.
    """
    lists = _lists(run, cutoff)
    groups: dict[str, list[str]] = {}
    for qid in lists:
        if qid in topics and languages.get(qid):
            groups.setdefault(topics[qid], []).append(qid)
    found: dict[str, list[float]] = {}
    means = []
    for qids in groups.values():
        spoken = np.array([languages[qid] for qid in qids])
        rho = _correlations([lists[qid] for qid in qids])
        rho[spoken[:, None] == spoken[None, :]] = np.nan  # also each with itself
        each = [(lang, _mean(rho[spoken == lang])) for lang in dict.fromkeys(spoken.tolist())]
        each = [(lang, value) for lang, value in each if not np.isnan(value)]
        if each:
            means.append(float(np.mean([value for _, value in each])))
        for lang, value in each:
            found.setdefault(lang, []).append(value)
    names = sorted(found)
    table = {"lang": pa.array(names, pa.string()), "topics": pa.array([len(found[name]) for name in names], pa.int64()),
             f"MRC@{cutoff}": pa.array([float(np.mean(found[name])) for name in names], pa.float64())}  # fmt: skip
    return RankCorrelation(float(np.mean(means)) if means else float("nan"), len(means), pa.table(table))


def _lists(run: pa.Table, cutoff: int) -> dict[str, Ints]:
    """Query id -> codes of its first documents, by rank."""
    run = ordered(run.select(["qid", "docid", "score"]))
    run = run.filter(pa.array(run["rank"].to_numpy() <= cutoff))
    document, names = codes(run["docid"]), run["qid"].cast(pa.string()).to_pylist()
    starts = [row for row, name in enumerate(names) if row == 0 or names[row - 1] != name]
    return {names[a]: document[a:b] for a, b in zip(starts, [*starts[1:], len(names)], strict=True)}


def _correlations(lists: list[Ints]) -> Floats:
    """(q, q) Spearman's correlation of every two lists, NaN where there is none; sums over both lists at once."""
    documents, place = np.unique(np.concatenate(lists), return_inverse=True)
    rank, start = np.zeros((len(lists), len(documents))), 0
    for row, one in enumerate(lists):
        rank[row, place[start : start + len(one)]] = np.arange(1, len(one) + 1)
        start += len(one)
    there = (rank > 0).astype(np.float64)
    length = there.sum(axis=1)
    shared = there @ there.T
    union = length[:, None] + length[None, :] - shared
    lacking = length[None, :] - shared  # documents of the column's list that the row's has not
    behind = length[:, None] + (lacking + 1) / 2  # where they stand in the row's
    alone = rank.sum(axis=1)[:, None] - rank @ there.T  # sum of the row's ranks over what the column's list lacks
    product = rank @ rank.T + behind.T * alone + behind * alone.T
    squares = (rank**2).sum(axis=1)[:, None] + lacking * behind**2
    off = union * ((union + 1) / 2) ** 2
    spread = np.sqrt(np.maximum(squares - off, 0) * np.maximum(squares.T - off, 0))
    rho: Floats = np.divide(product - off, spread, out=np.full(spread.shape, np.nan), where=spread > 1e-9)
    return rho


def _mean(values: npt.NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
