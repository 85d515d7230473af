"""Fitting and applying on one set of judged queries, honestly: no query is scored by a map that has seen it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import EvalError, UsageError
from xret.eval.topics import shared_topics
from xret.runs.codes import codes
from xret.stages.merging.calibrate import calibrate_run
from xret.stages.merging.normalise import Ints
from xret.stages.merging.relevance import fit_relevance

__all__ = ["cross_fitted", "relevant_shares", "topic_folds"]


def cross_fitted(
    run: pa.Table,
    qrels: pa.Table,
    method: Literal["logistic", "quota"] = "logistic",
    *,
    languages: pa.Table | None = None,
    by_language: bool = True,
    folds: int = 5,
    tag: str | None = None,
) -> pa.Table:
    """`calibrate_run` by what is fitted: every query by the topics of the other folds.

    Args:
        run: as for `fit_relevance`; queries without judgements are left out.
        qrels: `qid, docid, relevance`.
        method: ``logistic`` (a map from scores to relevance), or ``quota`` by the shares of the relevant documents.
        languages: for ``quota``: `docid, lang` of the relevant documents.
        by_language: for ``logistic``, see `fit_relevance`.
        folds: see `topic_folds`.
        tag: of the new run.

    Returns:
        As `calibrate_run`, queries by fold.

    Raises:
        EvalError: as `fit_relevance`; or all topics hang together, so that there are no others.
        UsageError: less than 2 folds.
    """
    qids, fold = topic_folds(qrels, folds)
    if len(np.unique(fold)) < 2:
        raise EvalError(
            "the queries share relevant documents so that they fall into one topic: nothing is left to fit on; "
            "fit on other queries ('xret eval calibration --save', then 'xret fuse --calibrate FILE')"
        )
    place = codes(run["qid"], qids)
    of = np.where(place >= 0, fold[place], -1)
    parts = []
    for number in np.unique(of[of >= 0]):
        mine = run.filter(pa.array(of == number))
        if method == "logistic":
            others = run.filter(pa.array((of >= 0) & (of != number)))
            model = replace(fit_relevance(others, qrels, by_language=by_language), origin=None)  # of the same run
            parts.append(calibrate_run(mine, "logistic", model=model, tag=tag))
        else:
            prior = relevant_shares(qrels.filter(pa.array(fold[codes(qrels["qid"], qids)] != number)), languages)
            parts.append(calibrate_run(mine, "quota", prior=prior, tag=tag))
    if not parts:
        raise EvalError("run and qrels share no query; check that they belong to the same set and spell ids alike")
    return pa.concat_tables(parts)


def relevant_shares(qrels: pa.Table, languages: pa.Table | None) -> dict[str, float]:
    """Language -> its share of the relevant documents; those of unknown language are left out.

    Args:
        qrels: `qid, docid, relevance`.
        languages: `docid, lang`.

    Raises:
        EvalError: not one relevant document has a language.
    """
    good = qrels.filter(pa.array(qrels["relevance"].to_numpy() > 0))
    known = pa.table({"docid": [], "lang": []}) if languages is None else languages
    place = codes(good["docid"], pc.cast(known["docid"], pa.string()).combine_chunks())
    names = pc.value_counts(known["lang"].cast(pa.string()).take(pa.array(place[place >= 0])).combine_chunks())
    if not len(names):
        raise EvalError("no relevant document has a language, of which there could be shares; give the corpus")
    total = sum(names.field("counts").to_pylist())
    return {one["values"]: one["counts"] / total for one in names.to_pylist()}


def topic_folds(qrels: pa.Table, folds: int) -> tuple[pa.Array, Ints]:
    """Folds of queries, by topic: queries that share a relevant document (one question in several languages) together.

    Args:
        qrels: `qid, docid, relevance`.
        folds: at least 2; some may stay empty when topics are few. By a hash of the ids, so the same for any order.

    Returns:
        The distinct query ids, and (queries,) their fold.

    Raises:
        UsageError: less than 2 folds.
    """
    if folds < 2:
        raise UsageError(f"folds is {folds}; wanted at least 2, so that queries are scored by a map fitted on others")
    qids, topic = shared_topics(qrels)
    names = np.array(qids.to_pylist(), dtype=object)
    first = {int(one): min(names[topic == one]) for one in np.unique(topic)}
    fold = {one: int(hashlib.sha256(name.encode()).hexdigest(), 16) % folds for one, name in first.items()}
    return qids, np.array([fold[int(one)] for one in topic], np.int64)
