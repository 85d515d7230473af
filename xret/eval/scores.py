"""Scoring a run: values per query, means over all queries, and the breakdown by query language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.eval.judged import judge
from xret.eval.measures import Measure, parse_measure

__all__ = ["DEFAULT_MEASURES", "RunScores", "query_languages", "score_run"]

DEFAULT_MEASURES = ("nDCG@20", "R@100", "RR@10", "AP", "Judged@20")
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RunScores:
    """The values of a run.

    Attributes:
        measures: m measures, whose `str` is their spelling (of judgements, or of answers).
        qids: (n,) strings: every query of the qrels.
        values: (n, m) float64.
    """

    measures: tuple[object, ...]
    qids: pa.Array
    values: Floats

    def means(self) -> dict[str, float]:
        """Measure -> mean over all queries of the qrels, those without results counting 0 (trec_eval's ``-c``)."""
        return dict(zip(map(str, self.measures), self.values.mean(axis=0).tolist(), strict=True))

    def per_query(self) -> pa.Table:
        """`qid, measure, value: float64`, by query and then measure."""
        n, m = self.values.shape
        qid = self.qids.take(pa.array(np.repeat(np.arange(n), m)))
        return pa.table(
            {"qid": qid, "measure": [str(measure) for measure in self.measures] * n, "value": self.values.ravel()}
        )

    def by_language(self, languages: Mapping[str, str]) -> pa.Table:
        """Means per language of the query.

        Args:
            languages: query id -> language; queries without one count as ``und``.

        Returns:
            `lang, queries: int64`, one float64 column a measure; languages by name, then ``macro`` (mean of the
            languages' means, each weighing the same) and ``micro`` (mean over queries).
        """
        lang = np.array([languages.get(qid) or "und" for qid in self.qids.to_pylist()])
        names = sorted(set(lang.tolist()))
        rows = np.array([self.values[lang == name].mean(axis=0) for name in names])
        means = np.vstack([rows, rows.mean(axis=0), self.values.mean(axis=0)])
        sizes = [int((lang == name).sum()) for name in names]
        columns = {str(measure): means[:, column] for column, measure in enumerate(self.measures)}
        return pa.table({"lang": [*names, "macro", "micro"], "queries": [*sizes, len(lang), len(lang)], **columns})


def score_run(
    run: pa.Table,
    qrels: pa.Table,
    measures: Sequence[Measure | str] = DEFAULT_MEASURES,
    *,
    subtopics: pa.Table | None = None,
) -> RunScores:
    """Score one run.

    Args:
        run: `qid, docid, score`; trec_eval's order is made here, `rank` is not read.
        qrels: `qid, docid, relevance`.
        measures: measures or their spellings.
        subtopics: `docid, lang` or `qid, docid, subtopic`, for alpha-nDCG (see `aspects_of`).

    Raises:
        EvalError: run and qrels have no query in common.
        UsageError: an unknown measure, or one that needs subtopics where there are none.
    """
    wanted = tuple(measure if isinstance(measure, Measure) else parse_measure(measure) for measure in measures)
    judged = judge(run, qrels, subtopics=subtopics)
    values = (
        np.stack([measure.per_query(judged) for measure in wanted], axis=1)
        if wanted
        else np.zeros((len(judged.qids), 0))
    )
    return RunScores(wanted, judged.qids, values)


def query_languages(run: pa.Table, queries: pa.Table | None = None) -> dict[str, str]:
    """Query id -> language: `id, lang` of the queries where given, else `qid, qlang` of the run where it has them."""
    if queries is not None:
        return dict(zip(queries["id"].to_pylist(), queries["lang"].to_pylist(), strict=True))
    if "qlang" not in run.column_names:
        return {}
    pairs = run.group_by(["qid", "qlang"]).aggregate([])
    return dict(zip(pairs["qid"].to_pylist(), pairs["qlang"].to_pylist(), strict=True))
