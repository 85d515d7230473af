"""Calibrations side by side: how well each ranks, beside how fair it is to languages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import EvalError
from xret.eval.fairness import FairnessScores, fairness
from xret.eval.scores import score_run
from xret.stages.merging.calibrate import Calibration, calibrate_run
from xret.stages.merging.folds import cross_fitted

__all__ = ["Compared", "compare", "document_languages", "measured"]


@dataclass(frozen=True, eq=False)
class Compared:
    """One way of ranking.

    Attributes:
        method: its name.
        measures: effectiveness: measure -> mean over all queries of the qrels.
        fair: see `fairness`.
    """

    method: str
    measures: Mapping[str, float]
    fair: FairnessScores


def compare(
    run: pa.Table,
    qrels: pa.Table,
    languages: pa.Table,
    methods: Sequence[Calibration | Literal["logistic-pooled"]],
    *,
    measures: Sequence[str] = ("nDCG@20", "R@100"),
    prior: Mapping[str, float] | None = None,
    folds: int = 5,
    depth: int | None = None,
    cutoff: int = 20,
    query_languages: dict[str, str] | None = None,
) -> list[Compared]:
    """Score a run under each calibration.

    Args:
        run: `qid, docid, score, dlang`, and `qlang` where known; the deeper, the better for all methods.
        qrels: `qid, docid, relevance`.
        languages: `docid, lang` of all relevant documents and all of the run (see `document_languages`).
        methods: of `calibrate_run`; ``logistic`` is cross-fitted: every query by a map fitted on other topics, and so
            is the prior of ``quota``: shares of what is relevant to other topics; ``logistic-pooled``: with one map for
            all languages.
        measures: of effectiveness.
        prior: for ``quota``, instead.
        folds: of the cross-fitting.
        depth: documents per query that are kept after calibration.
        cutoff: of PEER and AWRF.
        query_languages: query id -> language.

    Raises:
        EvalError: as the functions named.
    """
    found = []
    for method in methods:
        if method in ("logistic", "logistic-pooled"):
            ranked = cross_fitted(run, qrels, by_language=method == "logistic", folds=folds)
        elif method == "quota" and prior is None:
            ranked = cross_fitted(run, qrels, "quota", languages=languages, folds=folds)
        else:
            ranked = calibrate_run(run, cast("Calibration", method), prior=prior if method == "quota" else None)
        if depth is not None:
            ranked = ranked.filter(pc.less_equal(ranked["rank"], depth))
        found.append(
            measured(method, ranked, qrels, languages, measures, cutoff=cutoff, query_languages=query_languages)
        )
    return found


def measured(
    name: str,
    run: pa.Table,
    qrels: pa.Table,
    languages: pa.Table,
    measures: Sequence[str],
    *,
    cutoff: int = 20,
    query_languages: dict[str, str] | None = None,
) -> Compared:
    """One run scored as it is; arguments and errors as for `compare`."""
    scores = score_run(run, qrels, measures)
    fair = fairness(run, qrels, languages, cutoff=cutoff, query_languages=query_languages)
    return Compared(name, scores.means(), fair)


def document_languages(runs: Iterable[pa.Table], corpus: pa.Table | None = None) -> pa.Table:
    """`docid, lang` of all documents that the runs or the corpus know.

    Args:
        runs: with `docid` and, unless there is a corpus, `dlang`.
        corpus: with `id, lang`; where given, the runs are not asked.

    Raises:
        EvalError: a run without languages and no corpus, or a document that has two.
    """
    if corpus is not None:
        return pa.table({"docid": corpus["id"].cast(pa.string()), "lang": corpus["lang"].cast(pa.string())})
    tables = []
    for run in runs:
        if "dlang" not in run.column_names:
            raise EvalError(
                "run: does not say the languages of its documents (column 'dlang'); give the corpus it was made from, "
                "or a run in .parquet or .jsonl that does"
            )
        tables.append(pa.table({"docid": run["docid"], "lang": pc.fill_null(run["dlang"].cast(pa.string()), "und")}))
    both = pa.concat_tables(tables).group_by(["docid", "lang"], use_threads=False).aggregate([])
    twice = pc.value_counts(both["docid"].combine_chunks())
    for one in twice.filter(pc.greater(twice.field("counts"), 1))[:1].to_pylist():
        names = both.filter(pc.equal(both["docid"], one["values"]))["lang"].to_pylist()
        raise EvalError(f"document '{one['values']}' is in {' and in '.join(names)}; give the corpus, which says which")
    return both
