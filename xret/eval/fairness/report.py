"""All measures of fairness of one run, and what every language gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from xret.eval.fairness.exposure import attention, awrf, due
from xret.eval.fairness.found import Floats, find
from xret.eval.fairness.parallel import concordance, own_first, rank_distance, standing
from xret.eval.fairness.peer import peer

__all__ = ["FairnessScores", "fairness"]


@dataclass(frozen=True, eq=False)
class FairnessScores:
    """What a run comes to.

    Attributes:
        measures: name -> mean over the queries for which it is defined; NaN where there are none.
        defined: name -> number of these queries.
        languages: `lang, queries, due, attention, standing, R@k` of every language of relevant documents: in how many
            queries it has one, its mean share of them, of the attention (see `awrf`), where its documents stand among
            parallel ones (0 before all, 1 after all), and its recall.
    """

    measures: Mapping[str, float]
    defined: Mapping[str, int]
    languages: pa.Table


def fairness(
    run: pa.Table,
    qrels: pa.Table,
    languages: pa.Table,
    *,
    query_languages: dict[str, str] | None = None,
    cutoff: int = 20,
    recall: int = 100,
    weights: Mapping[int, float] | None = None,
) -> FairnessScores:
    """Measure how fair a run is to the languages of its documents.

    Measures: ``PEER@k``, ``AWRF@k`` (1 is fair), ``W``, Kendall's (0 is fair), ``own-first`` (0.5 is fair; needs the
    languages of the queries), ``distance`` (of the ranks of parallel documents; 0 is best), ``worst R@k`` (recall in
    the language that has the least), ``least share`` (attention among the first k over what is due, on the mean of the
    queries, of the language that comes off worst; 1 is fair: the others do not show that a small one has vanished).

    Args:
        run: `qid, docid, score`.
        qrels: `qid, docid, relevance`.
        languages: `docid, lang`, see `find`.
        query_languages: query id -> language.
        cutoff: k of PEER and AWRF.
        recall: k of the recall.
        weights: of PEER.

    Raises:
        EvalError: as `find`.
    """
    found = find(run, qrels, languages, query_languages=query_languages)
    standings = standing(found)
    each = {
        f"PEER@{cutoff}": peer(found, cutoff, weights=weights),
        f"AWRF@{cutoff}": awrf(found, cutoff),
        "own-first": own_first(found, standings),
        "distance": rank_distance(found),
    }
    measures = {name: _mean(values) for name, values in each.items()}
    defined = {name: int((~np.isnan(values)).sum()) for name, values in each.items()}
    measures["W"], defined["W"] = concordance(standings), int((~np.isnan(standings)).any(axis=1).sum())
    n, size = len(found.qids), len(found.languages)
    cell = found.query * size + found.language
    held = np.bincount(cell, minlength=n * size).reshape(n, size)
    hit = ((found.rank > 0) & (found.rank <= recall)).astype(np.float64)
    hits = np.bincount(cell, hit, n * size).reshape(n, size)
    recalls = _means(np.divide(hits, held, out=np.full((n, size), np.nan), where=held > 0))
    measures[f"worst R@{recall}"], defined[f"worst R@{recall}"] = float(np.nanmin(recalls)), n
    given, wanted = attention(found, cutoff).mean(axis=0)[:-1], due(found).mean(axis=0)
    measures["least share"], defined["least share"] = float((given / wanted).min()), n
    table = {
        "lang": list(found.languages), "queries": (held > 0).sum(axis=0), "due": wanted,
        "attention": given, "standing": _means(standings),
        f"R@{recall}": recalls,
    }  # fmt: skip
    return FairnessScores(measures, defined, pa.table(table))


def _mean(values: Floats) -> float:
    return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")


def _means(values: Floats) -> Floats:
    """(l,) means of the columns over their numbers; NaN where there are none."""
    there = ~np.isnan(values)
    means: Floats = np.where(there, values, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    return np.where(there.any(axis=0), means, np.nan)
